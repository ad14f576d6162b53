-- The shop's products. The same statements run on SQLite, PostgreSQL and MySQL.

CREATE TABLE shop_product (
    id bigint NOT NULL PRIMARY KEY,
    slug varchar(50) NOT NULL UNIQUE,
    name varchar(100) NOT NULL,
    teaser varchar(200) NOT NULL,
    description varchar(1000) NOT NULL,
    cents bigint NOT NULL,
    icon varchar(20) NOT NULL,
    hue bigint NOT NULL
);

INSERT INTO shop_product (id, slug, name, teaser, description, cents, icon, hue) VALUES
    (1, 'nuages-78', 'Nuages, 78 rpm', 'Quintette du Hot Club de France, Paris 1940.',
     'The tune that gave this site its name, on ten inches of shellac. Play it softly: the grooves have heard a lot already.', 3800, 'record', 205),
    (2, 'selmer-guitar', 'Petite bouche guitar', 'Small oval soundhole, long scale, loud enough for any café.',
     'A copy of the Selmer that Django played from 1940 on: fourteen frets clear of the body, a laminated rosewood back, and a voice that needs no microphone.', 189000, 'guitar', 28),
    (3, 'plectrum', 'Tortoise-free plectrum', 'Thick, round and kind to animals.',
     'Three and a half millimetres of hand-polished casein. Hold it loosely and let the wrist fall: that is the whole secret of la pompe.', 950, 'plectrum', 350),
    (4, 'argentine-strings', 'Silver strings', 'A set of six, loop end, light.',
     'Silver-plated copper over steel. They last three concerts, or one long night.', 1290, 'strings', 265),
    (5, 'metronome', 'Walnut metronome', 'Forty to two hundred and eight beats a minute.',
     'Wound by hand and wrong by less than one beat in an hour. Minor Swing is at two hundred; begin at one hundred and twenty.', 6400, 'metronome', 150),
    (6, 'songbook', 'Hot Club songbook', 'Sixty tunes with chords, from Nuages to Troublant Boléro.',
     'Melody, chords and a word on each tune. Spiral bound, so that it stays open on the stand.', 2450, 'book', 55);
