//! `TEMPLATES`, in Django's shape: a list of engines, of which nuages has one.

use std::path::PathBuf;

use crate::conf::section::Breach;

crate::settings_section! {
    /// The template engines.
    pub struct TemplatesSettings, prefix "", rules rules {
        /// `TEMPLATES`: the engines. Unlike Django, where the list begins empty, an unconfigured site finds its templates
        /// in `templates/` and in the apps' folders.
        templates: Vec<TemplateEngineSettings> = vec![TemplateEngineSettings::default()],
    }
}

crate::setting_choice! {
    /// `BACKEND` of an entry of `TEMPLATES`.
    pub enum TemplateBackend {
        /// Tera, with Django's filters and functions.
        Tera = "nuages.template.backends.tera.Tera",
    }
}

crate::settings_table! {
    /// One entry of `TEMPLATES`.
    pub struct TemplateEngineSettings, names upper {
        /// `BACKEND`: the engine.
        backend: TemplateBackend = TemplateBackend::Tera,
        /// `DIRS`: the folders of templates, the first to be searched first; relative to the project.
        dirs: Vec<PathBuf> = ["templates"],
        /// `APP_DIRS`: whether the apps' own folders are searched too, in the order of `INSTALLED_APPS`.
        app_dirs: bool = true,
        /// `OPTIONS`: how the engine works.
        options: TemplateOptions = TemplateOptions::default(),
    }
}

crate::settings_table! {
    /// `OPTIONS` of an entry of `TEMPLATES`.
    pub struct TemplateOptions, names lower {
        /// `context_processors`: what every context is given, by Django's dotted names or a site's own.
        context_processors: Vec<String> = [
            "django.template.context_processors.debug",
            "django.template.context_processors.request",
        ],
        /// `autoescape`: whether `<`, `>`, `&` and quotes in values are escaped.
        autoescape: bool = true,
    }
}

fn rules(settings: &TemplatesSettings) -> Vec<Breach> {
    match settings.templates.len() {
        0 | 1 => Vec::new(),
        count => vec![Breach {
            id: "nuages.E133",
            settings: &["TEMPLATES"],
            reason: format!("there are {count} engines"),
            right: "one entry, since nuages has one engine".to_owned(),
            can_be_silenced: false,
        }],
    }
}
