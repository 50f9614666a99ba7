-- Ledger and frontier of a crawl in one file. Times are UTC; bodies lie in files under the SHA-256 of their content.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;

CREATE TABLE store (
    name TEXT PRIMARY KEY,
    file TEXT NOT NULL,      -- the store file as JSON
    rules TEXT NOT NULL,     -- digest of what extraction and following depend on
    off TEXT NOT NULL        -- JSON list: which guards the store file turned off
) WITHOUT ROWID;

CREATE TABLE start (store TEXT, rank INTEGER, url TEXT NOT NULL, path TEXT NOT NULL, PRIMARY KEY (store, rank)) WITHOUT ROWID;

CREATE TABLE address (
    id INTEGER PRIMARY KEY,
    store TEXT NOT NULL,
    kind TEXT NOT NULL,      -- page, picture, entry (a row of a url list, which is never asked itself)
    url TEXT NOT NULL,
    host TEXT NOT NULL,
    status TEXT NOT NULL,    -- waiting, asked, done, moved, refused (by Atlas), failed
    reason TEXT,             -- of refused and failed
    detail TEXT,
    round INTEGER NOT NULL,  -- the crawl, counted from 1, that last met the address
    tries INTEGER NOT NULL DEFAULT 0,
    role INTEGER NOT NULL, turns INTEGER NOT NULL, barren INTEGER NOT NULL, start INTEGER NOT NULL, hops INTEGER NOT NULL,
    robots TEXT,             -- by which robots.txt decision it was asked: rules, none, off
    asked_at TEXT, asked_round INTEGER,
    http INTEGER, etag TEXT, modified TEXT, content_type TEXT, robots_tag TEXT,
    sha256 TEXT,             -- of the body
    bytes INTEGER,
    rendered INTEGER NOT NULL DEFAULT 0,
    read_as INTEGER,         -- the role by which its links were taken
    rules TEXT,              -- the store's rules by which the page was read
    listing TEXT,            -- JSON
    listing_store TEXT, listing_url TEXT, product_id TEXT,
    note TEXT,               -- why something of the page was left out: noai, noimageai
    split TEXT,              -- a url list's own
    UNIQUE (store, kind, url)
);
CREATE INDEX waiting ON address (host, id) WHERE status = 'waiting';
CREATE INDEX by_content ON address (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX by_listing ON address (listing_store, listing_url, product_id) WHERE listing IS NOT NULL;

CREATE TABLE link (
    source INTEGER NOT NULL, target INTEGER NOT NULL,
    kind TEXT NOT NULL,      -- product, next, picture, moved
    PRIMARY KEY (source, target, kind)
) WITHOUT ROWID;
CREATE INDEX link_target ON link (target);

CREATE TABLE forgotten (digest TEXT PRIMARY KEY) WITHOUT ROWID;  -- SHA-256 of urls and hosts that never come back
