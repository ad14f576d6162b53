"""Makes filters_more.json: Django's filters on values that filters.json has not: odd numbers, long and strange texts, zones.

Run with Django 5.2:  python tests/vectors/make_filters.py > tests/vectors/filters_more.json
"""

import json
import os
import time as clock
from datetime import datetime, timezone, timedelta, date, time

import django
from django.conf import settings

# Django does this from a module of settings.
os.environ["TZ"] = "Europe/Brussels"
clock.tzset()
settings.configure(USE_I18N=True, USE_TZ=True, TIME_ZONE="Europe/Brussels", LANGUAGE_CODE="en-us", USE_THOUSAND_SEPARATOR=False,
                   TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}])
django.setup()

from django.template import Context, Engine
from django.utils.safestring import SafeData, SafeString

ENGINE = Engine()
TEXTS = ["", " ", "a", "héllo wörld", "日本語テキスト", "😀 e\u0301 a\u0308", "ß ŉ ǆ ﬁ", "O'Brien's 3RD x'Y", "<b>\"x\" & 'y'</b>", "tab\tand\r\nnew\rline\n\n\n\nend",
         "\x00\x1f\x7f\u2028", "a" * 60, "word " * 30, "ΑΣΑΣ ΣΊΣΥΦΟΣ", "İstanbul ıI", "---__--a  b--", "&amp; &eacute; &#233; &bogus; &lt", "100%", "5", "-5.5", "1e3", "nan", "1_000", "٣"]
HTML = ["<p>one <b>two</b> three</p>", "<div><img src='x>y'>text</div>", "a <!-- no <b> --> b", "<p>&lt;b&gt; caf&eacute; x</p>", "<a href=\"x\">l</a", "x < y > z", "</p>x<p>",
        "<script>if (a<b) {}</script>tail", "<ul><li>1<li>2</ul>", "plain & simple", "<br/><hr />x", "<P CLASS=q>Up</P>", "1<2<3", "<>x</>", "<?php x ?>y<!DOCTYPE html>z", "e\u0301e\u0301e\u0301"]
URLS = ["www.example.com", "http://example.com/a?b=c&d=e#f", "see (http://example.com/x_(y)).", "mail me@example.com!", "https://ex.com/\u00e9?q=\u00e9 and", "example.org/path, example.net; foo.bar", "http://a.b/&amp;c;",
        "HTTP://EXAMPLE.COM", "ftp://x.com", "http://", "http://[::1]/", "a@b", "x.y@sub.example.co.uk.", "www.x.com/%20%zz", "<a href='http://x.com'>x.com</a>", "me@-x.com me@x.c me@[127.0.0.1]", "http://x.com?a=b%26c&d", "((www.x.com))", "a:b.com", "www.ex\u00e4mple.com"]
NUMBERS = [0, 1, -1, 1234567, -1234567.891, 0.5, 1.5, 2.5, -0.0, 1e-7, 1e16, 1e22, 123456789012345678, 0.1 + 0.2, 34.26000, "34.5", "abc", True, None, [], float("inf"), float("nan"), 10**18, 5e-324, 1023, 1024, 1048575, 10**15, -2048]
UTC = timezone.utc
MOMENTS = [datetime(2024, 7, 1, 22, 30, 5, 1200, UTC), datetime(2024, 1, 31, 23, 59, 59, 0, UTC), datetime(2024, 3, 31, 1, 0, 0, 0, UTC), datetime(2024, 10, 27, 0, 30, tzinfo=UTC), datetime(2024, 10, 27, 2, 30),
           datetime(2024, 3, 31, 2, 30), datetime(2020, 2, 29, 12, 0, tzinfo=timezone(timedelta(hours=-9, minutes=-30))), datetime(1969, 12, 31, 0, 0), datetime(9998, 12, 31, 12, 1), date(2021, 1, 3), date(2020, 12, 31), time(0, 0), time(23, 5, 6, 7)]
FORMATS = ["Y-m-d H:i:s.u", "c", "r", "U", "e T O Z I", "D, d M Y", "l jS F Y", "N j, Y, P", "o W z t L w y", "A a f g G h", "DATETIME_FORMAT", "SHORT_DATE_FORMAT", "\\D\\a\\y: d", "E b n"]

CASES = []


def plain(value):
    if isinstance(value, SafeData):
        return {"$safe": str(value)}
    if isinstance(value, datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    if isinstance(value, time):
        return {"$time": value.isoformat()}
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return {"$float": repr(value)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def case(name, value, *arg):
    entry = {"filter": name, "value": plain(value)}
    if arg:
        entry["arg"] = plain(arg[0])
    source = "{{ v|%s%s }}" % (name, ":a" if arg else "")
    try:
        for key, escape in (("rendered", True), ("off", False)):
            entry[key] = ENGINE.from_string(source).render(Context({"v": value, "a": arg[0] if arg else None}, autoescape=escape))
        taken = {}
        probe = ENGINE.from_string(source)
        expression = probe.nodelist[0].filter_expression
        entry["result"] = plain(expression.resolve(Context({"v": value, "a": arg[0] if arg else None})))
    except Exception as error:
        for key in ("rendered", "off", "result"):
            entry.pop(key, None)
        entry["error"] = type(error).__name__
    # Where Python runs out of range, or over the end of a list, Django's page fails, which is no answer to compare; integers beyond 64 bits are not
    # JSON that every reader reads.
    beyond = isinstance(entry.get("result"), int) and abs(entry["result"]) >= 2**63
    if entry.get("error") not in ("OverflowError", "IndexError") and not beyond:
        CASES.append(entry)


def main():
    for text in TEXTS:
        for value in (text, SafeString(text)):
            for name in ("addslashes", "capfirst", "escape", "escapejs", "force_escape", "iriencode", "linebreaks", "linebreaksbr", "linenumbers", "lower", "phone2numeric", "slugify", "title", "upper", "urlencode", "wordcount", "first", "last", "length", "striptags", "make_list", "json_script", "safe"):
                case(name, value)
            for number in (0, 1, 3, 10, -2, "x"):
                for name in ("truncatechars", "truncatewords"):
                    case(name, value, number)
            for number in (0, 7, 12):
                for name in ("center", "ljust", "rjust"):
                    case(name, value, number)
            for number in (1, 8, 30):
                case("wordwrap", value, number)
            for unwanted in ("a", "", " ", ";"):
                case("cut", value, unwanted)
            for part in ("1:", ":-1", "::2", "::-1", "-3:", "x", "5", "1:2:3:4", ":0:-1"):
                case("slice", value, part)
            for pattern in ("s", "r", "10s", "-10s|", ".2s", "d", "c", "a"):
                case("stringformat", value, pattern)
            case("join", value, "-")
    for html in HTML:
        for value in (html, SafeString(html)):
            case("striptags", value)
            for number in (1, 2, 4, 9, 50):
                case("truncatechars_html", value, number)
                case("truncatewords_html", value, number)
    for text in URLS:
        for value in (text, SafeString(text)):
            case("urlize", value)
            for limit in (0, 1, 10, 40):
                case("urlizetrunc", value, limit)
    for number in NUMBERS:
        for name in ("filesizeformat", "pluralize", "yesno", "floatformat", "length"):
            case(name, number)
        for places in (0, 1, -1, 2, -2, 5, "2g", "g", "2u", "-2gu", "x", "0g"):
            case("floatformat", number, places)
        for suffix in ("es", "y,ies", "a,b,c", ""):
            case("pluralize", number, suffix)
        for pattern in ("d", "05d", "+d", "x", "#x", "#o", "X", "f", ".2f", "010.3f", "-10.1f", "e", ".3e", "E", "g", ".3g", "G", "#g", "s", "r", "%", "d items", "i", " d", "c", "+.2e"):
            case("stringformat", number, pattern)
        for other in (1, "2", 1.5, None, "x"):
            case("add", number, other)
            case("default", number, other)
            case("default_if_none", number, other)
        for digit in (0, 1, 3, "2", "x"):
            case("get_digit", number, digit)
        case("divisibleby", number, 3)
        case("yesno", number, "a,b")
        case("yesno", number, "a,b,c")
        case("yesno", number, "a")
    for moment in MOMENTS:
        for form in FORMATS:
            case("date", moment, form)
            case("time", moment, form)
        case("date", moment)
        case("time", moment)
        for other in MOMENTS[:9]:
            if not isinstance(moment, time):
                case("timesince", moment, other)
                case("timeuntil", moment, other)
    lists = [[], [1], ["a", "<b>", SafeString("<i>")], [3, 1, 2], [["b", 2], ["a", 1]], [{"n": 2, "m": {"k": 1}}, {"n": 1, "m": {"k": 2}}], ["x", ["y", ["z", "<q>"]], "w", []], [None, True, 1.5]]
    for value in lists:
        for name in ("first", "last", "length", "unordered_list", "json_script", "yesno", "pluralize"):
            case(name, value)
        for key in ("n", "m.k", "zz", 0, "_x"):
            case("dictsort", value, key)
            case("dictsortreversed", value, key)
        for part in ("1:", ":-1", "::-1", "0:0"):
            case("slice", value, part)
        case("add", value, [9])
    print(json.dumps({"about": "As filters.json, with USE_TZ and TIME_ZONE = Europe/Brussels.", "django": django.get_version(), "count": len(CASES)})[:-1] + ', "cases": [')
    print(",\n".join(json.dumps(entry, ensure_ascii=True) for entry in CASES))
    print("]}")


main()
