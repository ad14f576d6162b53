DROP TABLE "django_session" CASCADE;
