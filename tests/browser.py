"""The demo site in headless Chromium, as a person uses it: every page of the session tour, and the shop.

    browser.py path/to/manage
"""

import calendar
import os
import re
import sqlite3
import sys
import tempfile
import time
import urllib.parse

sys.dont_write_bytecode = True
from webdriver import Browser, Process

TWO_WEEKS = 1209600
PHONE = 390


def check(what, holds, detail=""):
    if not holds:
        sys.exit("NOT SO: %s\n%s" % (what, detail))
    print("ok: %s" % what)


class Visit:
    """A person at the demo site."""

    def __init__(self, browser, root, database):
        self.browser = browser
        self.root = root
        self.database = database

    def open(self, path):
        self.browser.open(self.root + path)

    def page(self):
        return self.browser.text("main")

    def press(self, button):
        """Presses the button with that text."""
        self.browser.turn(xpath="//main//button[normalize-space()='%s']" % button)

    def follow(self, link):
        """Follows the link with that text in the page's own part."""
        self.browser.turn(xpath="//main//article//section//a[normalize-space()='%s']" % link)

    def says(self, what, text, css="main"):
        shown = self.browser.text(css)
        check("%s: “%s”" % (what, text), text in shown, "on %s:\n%s" % (self.browser.url(), shown))

    def answers(self, what, text):
        self.says(what, text, css="[role=status]")

    def fact(self, name):
        """What the page shows as stored under that heading, or None."""
        path = "//dt[.='%s']/following-sibling::dd" % name
        return self.browser.text(xpath=path) if self.browser.find(xpath=path) else None

    def holds(self, what, text):
        shown = self.fact("request.session")
        check("%s: stored now is %s" % (what, text), re.sub(r"\s+", " ", shown) == text, shown)

    def cookie(self):
        return self.browser.cookies().get("sessionid")

    def lasts(self, what, seconds):
        """The cookie in the browser's jar lasts that long, give or take the time this takes; None: until it closes."""
        cookie = self.cookie()
        if seconds is None:
            check("%s: the cookie ends with the browser" % what, "expiry" not in cookie, cookie)
            return
        left = cookie.get("expiry", 0) - time.time()
        check("%s: the cookie lasts %d seconds" % (what, seconds), seconds - 30 <= left <= seconds + 1, left)

    def rows(self):
        with sqlite3.connect(self.database) as connection:
            return connection.execute("SELECT count(*) FROM django_session").fetchone()[0]


def looking_around(visit):
    """Every link that can be reached from the first page, at the width of a desk and of a phone."""
    browser = visit.browser
    seen, waiting = set(), ["/"]
    while waiting:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        browser.width(None)
        visit.open(path)
        status = browser.script("return performance.getEntriesByType('navigation')[0].responseStatus")
        parts = browser.script("return performance.getEntriesByType('resource').map(e => [e.name, e.responseStatus])")
        lost = [part for part in parts if part[1] != 200 and not part[0].startswith("data:")]
        check("%s is there with all its parts" % path, status == 200 and not lost, "%s %s" % (status, lost))
        styled = browser.script("return [...document.styleSheets].some(sheet => sheet.cssRules.length > 20)")
        headings = browser.script("return [...document.querySelectorAll('h1')].map(h => h.textContent.trim())")
        check("it has its style and one heading", styled and len(headings) == 1 and headings[0], headings)
        browser.width(PHONE)
        wide = browser.script("return document.documentElement.scrollWidth")
        check("it fits a phone", wide <= PHONE, "%s is %s pixels wide" % (path, wide))
        if re.fullmatch(r"/student/\d+/[\w-]+/", path) and path != "/student/1940/nuages/":
            continue  # Each year links to the next one, for ever.
        links = [urllib.parse.urlsplit(link) for link in browser.script("return [...document.links].map(a => a.href)")]
        away = [link.geturl() for link in links if "%s://%s" % link[:2] != visit.root]
        check("none of its links leads away", not away, away)
        waiting.extend(link.path for link in links)
    browser.width(None)
    check("the tour and the shop were seen", {"/student/settings/", "/shop/cart/"} <= seen and len(seen) >= 30, seen)
    # The counter's page is among them, so there is a session by now; looking at all the others stored nothing more.
    check("all that looking made one row", visit.rows() == 1, visit.rows())
    browser.delete_cookies()


def items(visit):
    """(a) set, get and delete an item."""
    visit.open("/student/get/")
    visit.says("get with nothing stored", "Hello, Guest!")
    visit.holds("get with nothing stored", "{}")
    check("looking is not storing", visit.cookie() is None)

    visit.open("/student/set/")
    visit.browser.type("#name", "Pema <b>&\"é")
    visit.press("Set the name")
    visit.answers("set", "Stored.")
    visit.holds("set", '{ "name": "Pema <b>&\\"é" }')
    cookie = visit.cookie()
    check("the cookie is HttpOnly", cookie["httpOnly"] is True, cookie)
    check("the cookie is SameSite=Lax", cookie["sameSite"] == "Lax", cookie)
    check("the cookie is for every path", cookie["path"] == "/" and not cookie["secure"], cookie)
    check("the cookie holds a key", re.fullmatch("[a-z0-9]{32}", cookie["value"]), "")
    check("scripts do not see it", "sessionid" not in visit.browser.script("return document.cookie"))
    check("the page does not show the key", cookie["value"] not in visit.browser.script("return document.body.innerHTML"))
    visit.lasts("set", TWO_WEEKS)

    visit.open("/student/get/")
    visit.says("get", "Hello, Pema <b>&\"é!")
    visit.says("the template asks too", "by request.session.name: Pema <b>&\"é.")
    visit.says("the view's own source", 'request.session.get_or("name", "Guest".to_owned())')

    visit.open("/student/delete/")
    visit.press("Delete the name")
    visit.answers("delete", "The name is gone")
    visit.holds("delete", "{}")
    visit.press("Delete the name")
    visit.answers("delete once more", "There was no name to delete")
    check("the cookie stays", visit.cookie()["value"] == cookie["value"])


def the_dict(visit):
    """(b) keys, items, setdefault, clear, flush."""
    visit.open("/student/set/")
    visit.browser.type("#name", "Sonam")
    visit.press("Set the name")
    visit.open("/student/setdefault/")
    visit.press("setdefault(“language”, “dzo”)")
    visit.answers("setdefault", "There was no language yet")
    visit.press("setdefault(“language”, “dzo”)")
    visit.answers("setdefault once more", "There was a language already")
    visit.open("/student/keys/")
    visit.says("keys", "name\nlanguage")
    visit.open("/student/items/")
    visit.says("items", "name Sonam\nlanguage dzo", css="main table tbody")
    visit.holds("items", '{ "name": "Sonam", "language": "dzo" }')

    before = visit.cookie()["value"]
    visit.open("/student/cycle-key/")
    visit.press("Cycle the key")
    visit.answers("cycle_key", "The same data, a new key")
    visit.holds("cycle_key", '{ "name": "Sonam", "language": "dzo" }')
    key = visit.cookie()["value"]
    check("the key is a new one", key != before)
    visit.browser.set_cookie("sessionid", before)
    visit.open("/student/get/")
    visit.says("the old key opens nothing", "Hello, Guest!")
    check("and its cookie is taken back", visit.cookie() is None)
    visit.browser.set_cookie("sessionid", key)

    visit.open("/student/clear/")
    visit.press("Clear the session")
    visit.answers("clear", "Everything is gone")
    visit.holds("clear", "{}")
    check("clear keeps the key", visit.cookie()["value"] == key)
    visit.open("/student/keys/")
    visit.says("keys with nothing stored", "The session is empty.")
    visit.open("/student/items/")
    visit.says("items with nothing stored", "The session is empty.")

    rows = visit.rows()
    visit.open("/student/flush/")
    visit.press("Flush the session")
    visit.answers("flush", "The row was deleted and the cookie taken back.")
    check("flush takes the cookie back", visit.cookie() is None, visit.cookie())
    check("flush deletes the row", visit.rows() == rows - 1, visit.rows())
    visit.press("Flush the session")
    check("flushing nothing stores nothing", visit.rows() == rows - 1 and visit.cookie() is None, visit.rows())


def lifetimes(visit):
    """(c) ages, dates, browser close, set_expiry with each kind of value, clear_expired."""
    browser = visit.browser
    visit.open("/student/cookie-age/")
    visit.says("cookie age", "1209600 seconds")
    visit.says("cookie age", "14 days")

    def choose(kind):
        visit.open("/student/set-expiry/")
        browser.tick("input[value=%s]" % kind)
        visit.press("Set the expiry")

    def left():
        visit.open("/student/expiry-age/")
        return int(re.fullmatch(r"(\d+) seconds", browser.text(".big")).group(1))

    def until():
        visit.open("/student/expiry-date/")
        date = re.search(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)", visit.page())
        return calendar.timegm(tuple(map(int, date.groups()))) - time.time()

    for kind, seconds, closes in [
        ("seconds", 300, False), ("timedelta", 7 * 86400, False), ("datetime", 86400, False),
        ("close", TWO_WEEKS, True), ("policy", TWO_WEEKS, False),
    ]:
        what = "set_expiry(%s)" % kind
        choose(kind)
        visit.answers(what, "its cookie ends with the browser" if closes else "seconds left.")
        visit.lasts(what, None if closes else seconds)
        age, date = left(), until()
        check("%s: the expiry age is %d seconds" % (what, seconds), seconds - 30 <= age <= seconds, age)
        check("%s: the expiry date is as far away" % what, abs(date - seconds) < 30, date)
        visit.open("/student/browser-close/")
        visit.says(what, "Yes: the cookie ends with the browser" if closes else "No: the cookie has an expiry date")
    visit.holds("set_expiry(None) leaves nothing behind", "{}")

    with sqlite3.connect(visit.database) as connection:
        connection.execute(
            "INSERT INTO django_session VALUES ('longgonelonggonelonggonelonggone', '', '2001-01-01 00:00:00')")
    rows = visit.rows()
    visit.open("/student/clear-expired/")
    visit.press("Delete expired sessions")
    visit.answers("clear_expired", "Expired sessions were deleted: 1.")
    check("the expired row is gone, the others are not", visit.rows() == rows - 1, visit.rows())


def test_cookie(visit):
    """(d) set, check and delete the test cookie, over several requests."""
    visit.browser.delete_cookies()
    visit.open("/student/test-cookie/worked/")
    visit.says("no test cookie", "No test value came back")
    visit.open("/student/test-cookie/")
    visit.press("Set the test cookie")
    visit.answers("set_test_cookie", "The test value is stored.")
    visit.holds("set_test_cookie", '{ "testcookie": "worked" }')
    visit.follow("Did it work?")
    visit.says("test_cookie_worked", "Yes, this browser takes cookies")
    visit.follow("next page")
    visit.press("Delete the test cookie")
    visit.answers("delete_test_cookie", "The test value is gone.")
    visit.press("Delete the test cookie")
    visit.answers("delete_test_cookie once more", "There was no test value.")
    visit.open("/student/test-cookie/worked/")
    visit.says("after the deletion", "No test value came back")


def counter_and_settings(visit):
    """(e) a page counter, and the settings in force."""
    visit.open("/student/counter/")
    visit.says("the first visit", "You have been here 1 time", css=".big")
    visit.follow("Visit again")
    visit.says("the second", "You have been here 2 times", css=".big")
    visit.browser.reload()
    visit.says("the third", "You have been here 3 times", css=".big")
    # Twenty at once, as if from as many tabs.
    done = visit.browser.script(
        "return Promise.all(Array.from({length: 20}, () => fetch('/student/counter/').then(r => r.status)))")
    check("twenty visits at once are answered", done == [200] * 20, done)
    visit.browser.reload()
    visit.says("not one of twenty at once is lost", "You have been here 24 times", css=".big")
    visit.open("/student/1940/nuages/")
    visit.says("parts of a URL", "nuages, 1940", css=".big")
    visit.follow("/student/1939/nuages/")
    visit.says("another year", "nuages, 1939", css=".big")

    visit.open("/student/settings/")
    for row in ["SESSION_COOKIE_NAME", "SESSION_COOKIE_SAMESITE", "SESSION_ENGINE", "SESSION_SAVE_EVERY_REQUEST"]:
        visit.says("settings", row)
    visit.says("settings", "django.contrib.sessions.backends.db")
    row = visit.browser.text(xpath="//tr[th/code[.='SESSION_COOKIE_AGE']]/td[1]")
    check("settings: SESSION_COOKIE_AGE is 1209600", row == "1209600", row)
    visit.browser.turn(xpath="//nav[@aria-label='Neighbours']//a[@rel='prev']")
    visit.says("the neighbour before", "Parts of a URL")
    visit.browser.back()
    visit.says("and back", "Settings in force")

    browser = visit.browser
    browser.turn(xpath="//main//header//a[.='where sessions live']")
    visit.says("the engine in force", "db", css=".big")
    visit.says("and its setting", 'SESSION_ENGINE = "django.contrib.sessions.backends.db"')
    rows = browser.script("return [...document.querySelectorAll('.engines tbody tr')].map("
                          "row => [row.querySelector('code').textContent, row.hasAttribute('aria-current'),"
                          " [...row.cells].filter(cell => cell.innerText.trim()).length])")
    check("five engines are compared, db is marked", rows == [
        [name, name == "db", 6] for name in ["db", "cached_db", "cache", "file", "signed_cookies"]], rows)
    visit.follow("settings page")
    visit.says("and back to the settings", "Settings in force")


def shopping(visit):
    """A purchase: products from the database, a cart in the session."""
    browser = visit.browser
    browser.delete_cookies()

    def into_cart(product, quantity):
        visit.open("/shop/")
        browser.turn(xpath="//main//li//a[.='%s']" % product)
        browser.type("#quantity", str(quantity))
        visit.press("Put into the cart")

    def row(product):
        path = "//tr[th/a[.='%s']]" % product
        return browser.text(xpath=path + "/td[last()-1]") if browser.find(xpath=path) else None

    def total():
        return browser.text("tfoot .number")

    visit.open("/shop/")
    visit.says("the shop", "6 things")
    with sqlite3.connect(visit.database) as connection:
        stock = connection.execute("SELECT name, teaser FROM shop_product").fetchall()
        check("the stock is in the database", len(stock) == 6, stock)
        for name, teaser in stock:
            visit.says("on the shelf", name)
            visit.says("on the shelf", teaser)
        connection.execute("UPDATE shop_product SET cents = 1000 WHERE slug = 'plectrum'")
    browser.reload()
    visit.says("a price changed in the database", "€10.00")
    check("looking around needs no session", visit.cookie() is None)

    into_cart("Nuages, 78 rpm", 2)
    check("the cart's page follows", browser.url() == visit.root + "/shop/cart/", browser.url())
    check("two records", row("Nuages, 78 rpm") == "€76.00", row("Nuages, 78 rpm"))
    into_cart("Petite bouche guitar", 1)
    into_cart("Tortoise-free plectrum", 1)
    check("three lines come to €1,976.00", total() == "€1,976.00", total())
    into_cart("Nuages, 78 rpm", 1)
    check("one more record is the third", row("Nuages, 78 rpm") == "€114.00", row("Nuages, 78 rpm"))

    browser.type("input[aria-label='How many of Nuages, 78 rpm']", "1")
    browser.turn(xpath="//tr[th/a[.='Nuages, 78 rpm']]//button[.='Change']")
    check("changed to one", row("Nuages, 78 rpm") == "€38.00" and total() == "€1,938.00", total())
    browser.turn(css="button[aria-label='Remove Petite bouche guitar']")
    check("the guitar is out", row("Petite bouche guitar") is None and total() == "€48.00", total())
    browser.type("input[aria-label='How many of Tortoise-free plectrum']", "0")
    browser.turn(xpath="//tr[th/a[.='Tortoise-free plectrum']]//button[.='Change']")
    check("none of it is no line", row("Tortoise-free plectrum") is None and total() == "€38.00", total())
    visit.open("/student/items/")
    visit.holds("the tour shows the cart", '{ "cart": { "nuages-78": 1 } }')

    # More than the form allows: the browser itself refuses, and the page stays.
    visit.open("/shop/songbook/")
    browser.type("#quantity", "1000")
    browser.tick("main form button")
    check("the form refuses 1000", browser.url() == visit.root + "/shop/songbook/", browser.url())

    visit.open("/shop/cart/")
    visit.press("Check out")
    visit.says("checkout", "for €38.00 in all")
    browser.reload()
    visit.says("checkout is said once", "There was nothing in your cart.")
    visit.open("/shop/cart/")
    visit.says("the cart is empty", "Nothing in it yet.")
    browser.turn(xpath="//main//a[.='Look around']")
    visit.says("back in the shop", "The music shop")


def another_visitor(visit, other):
    """Two browsers are two visitors."""
    visit.open("/student/set/")
    visit.browser.type("#name", "Karma")
    visit.press("Set the name")
    other.open("/student/get/")
    other.says("another browser", "Hello, Guest!")
    visit.open("/student/get/")
    visit.says("this browser", "Hello, Karma!")


STEPS = [looking_around, items, the_dict, lifetimes, test_cookie, counter_and_settings, shopping]


def main(manage):
    with tempfile.TemporaryDirectory() as folder:
        database = os.path.join(folder, "demo.sqlite3")
        env = {name: value for name, value in os.environ.items() if not name.startswith("NUAGES_")}
        env["NUAGES_DATABASES__default__NAME"] = database
        server = Process([os.path.abspath(manage), "runserver", "127.0.0.1:0"], env)
        try:
            root = server.wait_for_line(r"(http://127\.0\.0\.1:\d+)/").group(1)
            with Browser() as browser, Browser() as second:
                visit = Visit(browser, root, database)
                for step in STEPS:
                    print("-- %s" % step.__doc__.splitlines()[0])
                    step(visit)
                    complaints = browser.new_complaints()
                    check("the console is quiet", not complaints, "\n".join(complaints))
                print("-- %s" % another_visitor.__doc__)
                another_visitor(visit, Visit(second, root, database))
        finally:
            status = server.end()
        said = "\n".join(server.lines)
        check("the server ends as asked", status == 0, said)
        check("no request failed", not re.search(r'HTTP/1\.1" [45]\d\d|ERROR|panicked', said), said)


if __name__ == "__main__":
    main(*sys.argv[1:])
