import csv
import io
import json
import signal
import subprocess
import sys
import tomllib
from collections import Counter
from http.client import HTTPConnection

import pytest
from PIL import Image

from atlas.demo.shelves import LEAVES
from atlas.demo.shops.goods import SHARES, mapping_text, shelves
from atlas.demo.shops.opening import open_shops, stock_shops
from atlas.demo.shops.pictures import again, detail
from atlas.demo.store import HEIGHT_PX, WIDTH_PX, draw, jpeg
from atlas.taxonomy.tree import parse_path

PRODUCTS = 132


@pytest.fixture(scope="module")
def shops(tmp_path_factory):
    with open_shops(tmp_path_factory.mktemp("demo"), PRODUCTS, seed=3) as shops:
        yield shops


def get(shop, url, method="GET", **headers):
    """Status, headers and body of one request to an open shop."""
    return fetch(shop.url, url, method, **headers)


def fetch(base, url, method="GET", **headers):
    connection = HTTPConnection(base.removeprefix("http://"))
    connection.request(method, url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    with connection.getresponse() as response:
        result = response.status, dict(response.headers), response.read()
    connection.close()
    return result


def page(shop, url):
    html = pytest.importorskip("lxml.html")
    answer = shop.shop.answer(url)
    assert answer.status == 200, url
    return html.fromstring(answer.body.decode())


def walk_lists(shop, start):
    """Addresses of all products that the list pages from `start` on link to, by their own `next` links."""
    found, url = [], start
    while url:
        tree = page(shop, url)
        found += tree.xpath("//a[@class='card' or @class='piece']/@href")
        onward = tree.xpath("//a[@class='next' or @class='onward']/@href")
        url = (start + onward[0] if onward[0].startswith("?") else onward[0]) if onward else None
    return found


def said_by_haveli(tree):
    """Title, price, currency and breadcrumb by the page's JSON-LD or microdata, whichever it has."""
    blocks = []
    for text in tree.xpath("//script[@type='application/ld+json']/text()"):
        if "/*" not in text:
            block = json.loads(text)
            blocks += block.get("@graph", [block])
    if blocks:
        by_type = {block["@type"]: block for block in blocks}
        product, offer = by_type["Product"], by_type["Product"]["offers"]
        names = [step["item"]["name"] for step in by_type["BreadcrumbList"]["itemListElement"]][1:]
        price = float(offer["lowPrice"] if offer["@type"] == "AggregateOffer" else offer["price"])
        return product.get("name"), price, offer["priceCurrency"], tuple(n for n in names if n != product.get("name"))
    one = {name: tree.xpath(f"//meta[@itemprop='{name}']/@content") for name in ("name", "price", "priceCurrency")}
    names = tree.xpath("//span[@itemprop='name']/text()")
    title = (one["name"] or [None])[0]
    return title, float(one["price"][0]), one["priceCurrency"][0], tuple(n for n in names[1:] if n != title)


def said_by_nordlys(tree):
    """The same by where it stands on the page."""
    text = tree.xpath("string(//p[@class='cost'])").replace("€", "").replace("EUR", "").split("–")[0].strip()
    title = tree.xpath("//h1[@class='name']/text()")
    names = tree.xpath("//ol[@class='path']//a/text()")
    return (title or [None])[0], float(text.replace(".", "").replace(",", ".")), "EUR", tuple(names[1:])


# -- what they sell --------------------------------------------------------------------------------------------------


def test_the_shops_share_the_products_and_every_kind_is_in_both(shops):
    ids = [item.product.product_id for shop in shops for item in shop.shop.items]
    assert len(ids) == len(set(ids)) == PRODUCTS
    for shop in shops:
        assert {item.product.leaf.name for item in shop.shop.items} == {leaf.name for leaf in LEAVES}
        assert len({item.url for item in shop.shop.items}) == len({item.number for item in shop.shop.items})


def test_what_is_odd_is_counted(shops):
    for shop in shops:
        counts = Counter(item.oddity for item in shop.shop.items if item.oddity)
        assert counts == {oddity: max(1, round(share * len(shop.shop.items))) for oddity, share in SHARES.items()}
        for item in shop.shop.items:
            own = shop.shop.title(item.product)
            assert (item.title is None) == (item.oddity == "no title")
            assert (item.title == own) == (item.oddity not in ("wrong title", "no title"))
            assert (item.breadcrumb == item.shelf) == (item.oddity not in ("stray", "wrong shelf"))
            assert (item.shown is item.product) == (item.oddity != "copied")


def test_each_shop_has_its_own_manner(shops):
    shirt = {shop.shop.name: next(i for i in shop.shop.items if i.product.leaf is LEAVES[0]) for shop in shops}
    own = {name: getattr(shops, name).shop.title(item.product) for name, item in shirt.items()}
    assert own["haveli"].split()[1] == "Men"
    assert own["nordlys"].endswith("– for him")
    assert shirt["haveli"].price.text.startswith("Rs.\N{NO-BREAK SPACE}")
    assert {item.price.currency for item in shops.nordlys.shop.items} == {"EUR"}
    texts = [item.price.text for item in shops.nordlys.shop.items]
    assert any(text.startswith("€ ") for text in texts)
    assert any("." in text.split(",")[0] for text in texts)  # 1.352,95
    for shop in shops:
        ranges = [item.price for item in shop.shop.items if item.price.high]
        assert ranges
        assert all(price.low < price.high and "–" in price.text for price in ranges)


def test_the_mapping_names_every_leaf_once_a_shop(shops):
    rows = list(csv.DictReader(io.StringIO(mapping_text())))
    assert shops.mapping.read_text(encoding="utf-8") == mapping_text()
    assert list(rows[0]) == ["store", "store_path", "path", "status"]
    assert {row["status"] for row in rows} == {"confirmed"}
    for shop in shops:
        mapped = shelves(shop.shop.name)
        assert set(mapped) == {leaf.path for leaf in LEAVES}
        assert len(set(mapped.values())) == len(LEAVES)
        own = [parse_path(row["store_path"]) for row in rows if row["store"] == shop.shop.name]
        assert not any(path[: len(shop.shop.stray)] == shop.shop.stray for path in own)
        for item in shop.shop.items:
            prefix = mapped[item.product.leaf.path]
            assert item.shelf[: len(prefix)] == prefix


def test_the_store_files_say_where_the_shops_are(shops):
    for shop in shops:
        values = tomllib.loads(shop.store_file.read_text(encoding="utf-8"))
        assert values["name"] == shop.shop.name
        assert all(url.startswith(shop.url + "/") for url in values["start"])
        assert all(shop.shop.answer(url.removeprefix(shop.url)).status == 200 for url in values["start"])


# -- what their pages say --------------------------------------------------------------------------------------------


def test_the_truth_agrees_with_the_pages(shops):
    forms = Counter()
    for shop, read in ((shops.haveli, said_by_haveli), (shops.nordlys, said_by_nordlys)):
        assert len(shop.shop.listings) == sum(item.may_be_seen for item in shop.shop.items)
        for listing in shop.shop.listings:
            tree = page(shop, listing.url.removeprefix(shop.url))
            assert read(tree) == (listing.title, listing.price, listing.currency, listing.breadcrumb)
            sets = tree.xpath("//img/@data-srcset")
            large = [text.split()[-2] for text in sets] or tree.xpath("//a[@class='large']/@href")
            assert tuple(shop.url + url for url in large) == listing.images
            assert listing.product_id in tree.text_content()
            forms[bool(tree.xpath("//script[contains(@type, 'json')]")), bool(tree.xpath("//*[@itemscope]"))] += 1
    assert set(forms) == {(True, False), (False, True), (False, False)}


def test_extraction_reads_every_page_by_the_store_files(shops):
    pytest.importorskip("parsel")
    from atlas.collect.extract import extract
    from atlas.collect.page import Page
    from atlas.collect.store_file import load_store_file

    for shop in shops:
        store = load_store_file(shop.store_file)

        def found(url, shop=shop, store=store):
            answer = shop.shop.answer(url.removeprefix(shop.url))
            return extract(Page(url, answer.body, answer.content_type), store)

        for listing in shop.shop.listings:
            assert found(listing.url).listing == listing
        lists = {start.url.rstrip("/").rpartition("/")[2]: found(start.url) for start in store.start}
        assert not any(page.listing for page in lists.values())
        for name, page in lists.items():
            assert page.needs_browser == (name == "occasion")
            assert bool(page.products) == (name != "occasion")
        assert any(page.next_pages for page in lists.values())


def test_lists_lead_to_every_product_outside_the_scripted_section(shops):
    starts = {"haveli": ("/men", "/women"), "nordlys": ("/c/apparel/", "/c/underwear-night/")}
    for shop in shops:
        found = [url.partition("?")[0] for start in starts[shop.shop.name] for url in walk_lists(shop, start)]
        scripted = getattr(shop.shop, "scripted", ("nothing",))
        assert len(found) == len(set(found))
        assert set(found) == {item.url for item in shop.shop.items if item.shelf[:1] != scripted}


def test_the_scripted_section_has_nothing_in_its_html_but_its_json_has(shops):
    shop = shops.nordlys.shop
    items = [item for item in shop.items if item.shelf[0] == "Occasion"]
    assert {item.product.leaf.path[-1] for item in items} == {"Sherwani", "Sarees", "Lehenga Choli"}
    shell = shop.answer("/c/occasion/").body.decode()
    assert "/item/" not in shell
    everywhere = b"".join(shop.pages[url]().body for url in shop.pages if url.endswith("/")).decode()
    assert not any(item.url in everywhere for item in items)
    loads = []
    while not loads or loads[-1]["more"]:
        answer = shop.answer(f"/api/c/occasion/{len(loads) + 1}")
        assert answer.content_type == "application/json"
        loads.append(json.loads(answer.body))
    assert len(loads) > 1
    assert [piece["url"].partition("?")[0] for load in loads for piece in load["pieces"]] == [i.url for i in items]


def test_pictures_are_the_drawn_ones_and_lost_ones_are_not_there(shops):
    for shop in shops:
        item = next(item for item in shop.shop.items if item.oddity == "lost picture")
        front, *_, lost = item.pictures
        assert len(item.pictures) == len(item.product.views) + 1
        assert shop.shop.answer(front).body == jpeg(draw(item.product, "front"))
        assert shop.shop.answer(lost).status == 404
        small = shop.shop.picture_url(item.product, "front", 80)
        with Image.open(io.BytesIO(shop.shop.answer(small).body)) as picture:
            assert picture.size == (80, 80 * HEIGHT_PX // WIDTH_PX)


def test_close_ups_and_copied_pictures_are_served(shops):
    for shop in shops:
        item = next(item for item in shop.shop.items if item.oddity == "close-up")
        assert len(item.pictures) == len(item.product.views) + 1
        assert shop.shop.answer(item.pictures[-1]).body == jpeg(detail(item.product))
        copied = next(item for item in shop.shop.items if item.oddity == "copied")
        assert copied.shown.leaf is copied.product.leaf
        assert shop.shop.answer(copied.pictures[0]).body == again(jpeg(draw(copied.shown, "front")))
        wrong = next(item for item in shop.shop.items if item.oddity == "wrong shelf")
        assert wrong.breadcrumb in {
            item.shelf for item in shop.shop.items if item.product.leaf is not wrong.product.leaf
        }


def test_shops_with_closed_doors_are_stocked_alike(tmp_path):
    with open_shops(tmp_path, 44) as shops:
        for shop, closed in zip(shops, stock_shops(44), strict=True):
            assert [(item.number, item.oddity) for item in shop.shop.items] == [
                (item.number, item.oddity) for item in closed.items
            ]
            assert shop.shop.name == closed.name


def test_names_are_escaped_on_every_page(shops):
    text = shops.haveli.shop.answer("/women/clothing/western").body.decode()
    assert "Tops &amp; Tees" in text
    assert "Tops & Tees" not in text
    assert "$" not in "".join(shops.nordlys.shop.answer(url).body.decode() for url in ("/", "/c/occasion/"))


# -- at the door -----------------------------------------------------------------------------------------------------


def test_robots_forbid_a_part_that_lists_link_to(shops):
    from urllib.robotparser import RobotFileParser

    for shop in shops:
        status, headers, body = get(shop, "/robots.txt")
        assert (status, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
        robots = RobotFileParser()
        robots.parse(body.decode().splitlines())
        assert "Crawl-delay: 0.005" in body.decode()
        for item in shop.shop.items:
            assert robots.can_fetch("Atlas", shop.url + item.url) == (item.oddity != "members")
        members = next(item for item in shop.shop.items if item.oddity == "members")
        assert members.url.startswith(shop.shop.closed + "/")
        assert not robots.can_fetch("Atlas", shop.url + shop.shop.list_url(shop.shop.club))


def test_requests_are_counted_by_address(shops):
    shop = shops.haveli
    members = next(item for item in shop.shop.items if item.oddity == "members")
    assert shop.door.asked(shop.shop.closed) == 0
    get(shop, members.url)
    get(shop, members.url, method="HEAD")
    get(shop, "/members/nowhere")
    assert shop.door.asked(shop.shop.closed) == 3
    assert shop.door.answers[members.url, 200] == 2
    assert shop.door.answers["/members/nowhere", 404] == 1


def test_dead_links_are_404(shops):
    for shop in shops:
        gone = next(item for item in shop.shop.items if item.oddity == "gone")
        status, _, body = get(shop, gone.url)
        assert status == 404
        assert b"no such page" in body


@pytest.mark.parametrize("url", ["/men", "/style.css", "/media/160/00-0000-front.jpg"])
def test_what_is_known_already_is_not_sent_again(shops, url):
    status, headers, body = get(shops.haveli, url)
    assert (status, int(headers["Content-Length"])) == (200, len(body))
    assert body
    status, again, nothing = get(shops.haveli, url, If_None_Match=f'"other", W/{headers["ETag"]}')
    assert (status, again["ETag"], nothing) == (304, headers["ETag"], b"")
    assert get(shops.haveli, url, If_None_Match='"other"')[2] == body
    head = get(shops.haveli, url, method="HEAD")
    assert (head[0], head[1]["Content-Length"], head[2]) == (200, str(len(body)), b"")


def test_one_shop_tells_its_charset_in_the_page_only(shops):
    assert get(shops.haveli, "/")[1]["Content-Type"] == "text/html; charset=utf-8"
    assert get(shops.nordlys, "/")[1]["Content-Type"] == "text/html"
    assert b'<meta charset="utf-8">' in get(shops.nordlys, "/")[2]


def test_the_same_seed_opens_the_same_shops_on_the_same_ports(tmp_path):
    def everything(seed):
        with open_shops(tmp_path, 44, seed) as shops:
            texts = {
                shop.url + url: page().body
                for shop in shops
                for url, page in shop.shop.pages.items()
                if not url.endswith(".jpg")
            }
            return texts, [shop.shop.listings for shop in shops]

    first = everything(1)
    assert everything(1) == first
    assert everything(2)[1] != first[1]


def test_shops_open_elsewhere_when_their_port_is_taken_and_close_with_visitors_inside(tmp_path, capfd):
    with open_shops(tmp_path, 44) as first, open_shops(tmp_path, 44) as second:
        assert first.haveli.url != second.haveli.url
        visitor = HTTPConnection(first.haveli.url.removeprefix("http://"))
        visitor.request("GET", "/")
        assert visitor.getresponse().read()
    with pytest.raises(OSError):
        HTTPConnection(first.haveli.url.removeprefix("http://"), timeout=2).request("GET", "/")
    visitor.close()
    assert capfd.readouterr() == ("", "")


def test_pictures_that_were_drawn_before_are_served(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "00-0000-front.jpg").write_bytes(b"drawn before")
    with open_shops(tmp_path, 44, pictures=tmp_path / "images") as shops:
        assert get(shops.haveli, "/media/160/00-0000-front.jpg")[2] == b"drawn before"


def test_the_command_keeps_them_open_until_it_is_stopped(tmp_path):
    command = [sys.executable, "-m", "atlas", "demo", "--shops", "--json", "-o", "demo"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        lines = iter(program.stdout.readline, b"}\n")
        said = json.loads(b"".join(lines) + b"}")
        for store in said["stores"]:
            assert fetch(store["url"], "/robots.txt")[0] == 200
            assert (tmp_path / store["store_file"]).exists()
        program.send_signal(signal.SIGINT)
        assert program.wait(30) == 0
        assert program.stderr.read() == b""
