//! A whole country of results: any slice of the figure, now or in the past, before and after the reform of 2025, is what the
//! database sums, and groups add up to it.
//!
//! How many results is told by `TINHNGUYEN_TEST_RESULTS` (20,000 when it isn't set), how many slices are asked by
//! `TINHNGUYEN_TEST_SLICES` (100); `TINHNGUYEN_TEST_SEED` repeats a run.

use crate::harness::{Caller, Replica, T, value, values};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, TimeZone, Utc};
use country::{On, Size};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection};
use serde_json::Value;
use std::{collections::BTreeSet, fmt::Write, time::Duration};
use tinhnguyen_domain::catalogue::{Audience, Topic};
use tinhnguyen_persistence::{Database, StoreError, ledger, reference};
use uuid::Uuid;

fn told(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().expect(name))
}

/// After the last entry of the country.
fn afterwards() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2024, 9, 10, 3, 0, 0).unwrap()
}

/// Fills the database of a test: unions down to the communes, and what they reported.
async fn filled(t: &T) -> Size {
    reference::seed_grassroots(&t.store, |_, _| ()).await.unwrap();
    let size = Size { results: told("TINHNGUYEN_TEST_RESULTS", 20_000) };
    let on = match t.db.database() {
        Database::Sqlite(path) => On::Sqlite(path),
        Database::Postgres { url, .. } => On::Postgres(url),
    };
    country::fill(&on, size, |_| ()).await.unwrap();
    t.clock.set(afterwards());
    // A service at work has kept these while the ledger grew.
    let (head, mut cube) = (ledger::head(t.store.read()).await.unwrap(), None);
    for seq in (ledger::EVERY..=head).step_by(usize::try_from(ledger::EVERY).unwrap()) {
        let now = ledger::cube_at(t.store.read(), seq, cube.take()).await.unwrap();
        t.store.write::<_, StoreError>(async |tx| ledger::take_snapshot(tx, &now, afterwards()).await).await.unwrap();
        cube = Some(now);
    }
    size
}

/// A process over the database, with its figures read as the service reads them before it serves.
async fn served(t: &T) -> Replica {
    let replica = t.replica().await;
    replica.app.figures.load(&replica.app.store).await.unwrap();
    replica
}

/// A question of the figures: as it is sent, and as SQL that sums it from the results, or from the ledger for the past.
#[derive(Debug, Default)]
struct Question {
    query: String,
    conditions: String,
    as_of: Option<DateTime<Utc>>,
}

impl Question {
    fn ask(&mut self, name: &str, value: impl std::fmt::Display, condition: impl std::fmt::Display) {
        write!(self.query, "&{name}={value}").unwrap();
        write!(self.conditions, " AND {condition}").unwrap();
    }
}

/// What questions are made of.
struct Country {
    postgres: bool,
    /// Of its own, with all that a result and an entry are asked by in one temporary table each.
    conn: DatabaseConnection,
    units: Vec<(Uuid, String)>,
    places: Vec<(Uuid, String)>,
    /// Those that begin with the reform, and came from one place alone: they are asked for as that one.
    renewed: Vec<(Uuid, String)>,
    teams: Vec<Uuid>,
}

async fn naive(database: &Database, postgres: bool) -> DatabaseConnection {
    let url = match database {
        Database::Sqlite(path) => format!("sqlite://{}?mode=ro", path.display()),
        Database::Postgres { url, .. } => url.clone(),
    };
    // One connection, which has the temporary tables.
    let mut options = ConnectOptions::new(url);
    options.min_connections(1).max_connections(1).sqlx_logging(false).test_before_acquire(false);
    options.acquire_timeout(Duration::from_secs(600)).idle_timeout(None::<Duration>).max_lifetime(None::<Duration>);
    let conn = sea_orm::Database::connect(options).await.unwrap();
    // The text of a result's only line.
    let line = |field: &str| {
        if postgres { format!("r.lines->0->>'{field}'") } else { format!("json_extract(r.lines, '$[0].{field}')") }
    };
    let columns = format!(
        "r.reported_on, {} AS topic, {} AS audience, t.id AS team_id, t.kind AS team_kind, u.path AS unit_path, \
         p.path AS place_path, p.difficulty",
        line("topic"),
        line("audience")
    );
    let joins = "JOIN team t ON t.id = r.team_id JOIN org_unit u ON u.id = t.org_unit_id JOIN locality p ON p.id = r.locality_id";
    for table in [
        format!("naive_result AS SELECT r.status, r.turns, {columns} FROM result r {joins}"),
        format!(
            "naive_entry AS SELECT l.at, l.delta_reported, l.delta_verified, {columns} \
             FROM ledger l JOIN result r ON r.id = l.result_id {joins}"
        ),
    ] {
        conn.execute_unprepared(&format!("CREATE TEMPORARY TABLE {table}")).await.unwrap();
    }
    conn
}

impl Country {
    async fn of(t: &T) -> Self {
        let conn = t.store.read();
        let pairs = async |path: &str, from: &str| {
            let ids: Vec<Uuid> = values(conn, &format!("SELECT one.id AS value FROM {from} ORDER BY one.path")).await;
            let paths: Vec<String> =
                values(conn, &format!("SELECT {path} AS value FROM {from} ORDER BY one.path")).await;
            ids.into_iter().zip(paths).collect::<Vec<_>>()
        };
        let origins = "SELECT s.successor_id, min(p.path) AS path FROM locality_successor s \
                       JOIN locality p ON p.id = s.predecessor_id WHERE s.is_default \
                       GROUP BY s.successor_id HAVING count(*) = 1";
        let renewed =
            pairs("origin.path", &format!("locality one JOIN ({origins}) origin ON origin.successor_id = one.id"))
                .await;
        assert!(renewed.len() > 100, "{}", renewed.len());
        let postgres = matches!(t.db.database(), Database::Postgres { .. });
        Self {
            postgres,
            conn: naive(&t.db.database(), postgres).await,
            // Who has ended is asked for as its successor.
            units: pairs("one.path", "org_unit one WHERE one.valid_to IS NULL").await,
            places: pairs(
                "one.path",
                &format!("locality one WHERE one.id NOT IN (SELECT successor_id FROM ({origins}) origin)"),
            )
            .await,
            renewed,
            teams: values(conn, "SELECT id AS value FROM team ORDER BY code").await,
        }
    }

    fn id(&self, id: Uuid) -> String {
        if self.postgres { format!("'{id}'") } else { format!("x'{}'", id.simple()) }
    }

    /// A random question, in the trees in which the database keeps units and places.
    fn question(&self, rng: &mut StdRng) -> Question {
        let mut question = Question::default();
        // Each level as often as any other, although the lower one is the more of it there is.
        let depth = |(_, path): &(Uuid, String)| path.matches('/').count();
        let depths: BTreeSet<_> = self.units.iter().map(depth).collect();
        let wanted = *depths.iter().collect::<Vec<_>>().choose(rng).unwrap();
        let level: Vec<_> = self.units.iter().filter(|unit| depth(unit) == *wanted).collect();
        let (id, path) = level.choose(rng).unwrap();
        question.ask("org_unit_id", id, format_args!("unit_path LIKE '{path}%'"));
        let places = if rng.random_bool(0.1) { &self.renewed } else { &self.places };
        if let Some((id, path)) = places.choose(rng)
            && rng.random_bool(0.3)
        {
            question.ask("locality_id", id, format_args!("place_path LIKE '{path}%'"));
        }
        let day = |n: u64| NaiveDate::from_ymd_opt(2024, 6, 10).unwrap() + Days::new(n);
        let (first, last) = (rng.random_range(0..70), rng.random_range(0..70));
        if rng.random_bool(0.4) {
            question.ask("from", day(first), format_args!("reported_on >= '{}'", day(first)));
        }
        if rng.random_bool(0.4) {
            let last = last.max(first);
            question.ask("to", day(last), format_args!("reported_on <= '{}'", day(last)));
        }
        if rng.random_bool(0.2) {
            let topic = Topic::ALL.choose(rng).unwrap();
            question.ask("topic", topic, format_args!("topic = '{topic}'"));
        }
        if rng.random_bool(0.2) {
            let audience = Audience::ALL.choose(rng).unwrap();
            question.ask("audience", audience, format_args!("audience = '{audience}'"));
        }
        if rng.random_bool(0.2) {
            let kind = ["digital_summer", "community_digital_transformation"].choose(rng).unwrap();
            question.ask("team_kind", kind, format_args!("team_kind = '{kind}'"));
        }
        if rng.random_bool(0.1) {
            let team = *self.teams.choose(rng).unwrap();
            question.ask("team_id", team, format_args!("team_id = {}", self.id(team)));
        }
        if rng.random_bool(0.2) {
            let difficulty = ["none", "difficult", "especially_difficult"].choose(rng).unwrap();
            question.ask("difficulty", difficulty, format_args!("difficulty = '{difficulty}'"));
        }
        if rng.random_bool(0.25) {
            let as_of = afterwards() - TimeDelta::seconds(rng.random_range(0..8_000_000));
            write!(question.query, "&as_of={}", as_of.format("%Y-%m-%dT%H:%M:%SZ")).unwrap();
            question.as_of = Some(as_of);
        }
        question
    }

    /// What the database says, counted naively.
    async fn sum(&self, question: &Question) -> (i64, i64) {
        let (reported, verified, from) = match question.as_of {
            None => (
                "CASE WHEN status IN ('submitted', 'verified') THEN turns ELSE 0 END",
                "CASE WHEN status = 'verified' THEN turns ELSE 0 END",
                "naive_result WHERE 1 = 1".to_owned(),
            ),
            Some(at) => {
                let at = if self.postgres {
                    at.format("%Y-%m-%d %H:%M:%S+00").to_string()
                } else {
                    at.format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
                };
                ("delta_reported", "delta_verified", format!("naive_entry WHERE at <= '{at}'"))
            }
        };
        // Both in one pass, as text: a country is large.
        let sum = |what: &str| format!("CAST(CAST(COALESCE(SUM({what}), 0) AS bigint) AS text)");
        let sql =
            format!("SELECT {} || ' ' || {} AS value FROM {from}{}", sum(reported), sum(verified), question.conditions);
        let both: String = value(&self.conn, &sql).await;
        let (reported, verified) = both.split_once(' ').unwrap();
        (reported.parse().unwrap(), verified.parse().unwrap())
    }
}

fn figures(of: &Value) -> (i64, i64) {
    (of["reported"].as_i64().unwrap(), of["verified"].as_i64().unwrap())
}

/// All that an answer tells but when it was given.
fn told_of(answer: &Value) -> Value {
    let mut told = answer.clone();
    for name in ["as_of", "tree_as_of", "pace"] {
        told.as_object_mut().unwrap().remove(name);
    }
    told
}

fn sum(all: &Value) -> (i64, i64) {
    let all = all.as_array().unwrap().iter().map(figures);
    all.fold((0, 0), |sum, figures| (sum.0 + figures.0, sum.1 + figures.1))
}

const GROUPINGS: [&str; 10] =
    ["org_unit", "locality", "topic", "audience", "activity_kind", "team_kind", "difficulty", "week", "day", "team"];

/// Asks for so many random slices, and holds each against the database's sum and against its groups. Where chance gave
/// hardly any that has a figure, it goes on until a fifth of what was wanted had one: nothing equals nothing too easily.
async fn holds(by: &Caller, country: &Country, slices: u64, tree: &str) {
    let seed = told("TINHNGUYEN_TEST_SEED", rand::random());
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut n, mut counted) = (0, 0);
    while n < slices || counted < slices / 5 {
        assert!(n < slices * 5, "only {counted} of {n} slices of TINHNGUYEN_TEST_SEED={seed} had a figure at all");
        let question = country.question(&mut rng);
        let grouping = GROUPINGS.choose(&mut rng).unwrap();
        let answer = by.get(&format!("/v1/progress?group_by={grouping}{tree}{}", question.query)).await.ok(200);
        let naive = country.sum(&question).await;
        let context = format!("slice {n} by {grouping} of TINHNGUYEN_TEST_SEED={seed}: {question:?}");
        assert_eq!(figures(&answer), naive, "{context}");
        assert_eq!(sum(&answer["groups"]), naive, "groups, {context}");
        n += 1;
        counted += u64::from(naive.0 > 0);
    }
}

both! {
    async fn every_slice_of_a_country_is_what_the_database_sums_and_its_groups_add_up(t: &T) {
        let size = filled(t).await;
        let country = Country::of(t).await;
        let replica = served(t).await;
        let by = replica.asked_by(&t.admin.clone().with_a_new_token());
        let whole = by.get("/v1/progress").await.ok(200);
        // A twentieth was given back.
        assert!(figures(&whole).0 > i64::try_from(size.results).unwrap() * 20, "{whole}");
        holds(&by, &country, told("TINHNGUYEN_TEST_SLICES", 100), "").await;

        // From a snapshot and what came after it, a process says the same.
        assert!(ledger::head(t.store.read()).await.unwrap() > 0);
        let cube = t.store.snapshot::<_, StoreError>(async |tx| ledger::cube_now(tx).await).await.unwrap();
        t.store.write::<_, StoreError>(async |tx| ledger::take_snapshot(tx, &cube, afterwards()).await).await.unwrap();
        let restarted = served(t).await;
        let by = restarted.asked_by(&t.admin.clone().with_a_new_token());
        holds(&by, &country, told("TINHNGUYEN_TEST_SLICES", 100) / 4, "").await;
        assert_eq!(figures(&by.get("/v1/progress").await.ok(200)), figures(&whole));
    }

    async fn the_reform_of_2025_moves_no_figure_of_a_country(t: &T) {
        filled(t).await;
        let mut country = Country::of(t).await;
        let seed = told("TINHNGUYEN_TEST_SEED", rand::random());
        let mut rng = StdRng::seed_from_u64(seed);
        let asked: Vec<_> = (0..told("TINHNGUYEN_TEST_SLICES", 100))
            .map(|_| format!("/v1/progress?group_by={}{}", GROUPINGS.choose(&mut rng).unwrap(), country.question(&mut rng).query))
            .collect();
        let replica = served(t).await;
        let by = replica.asked_by(&t.admin.clone().with_a_new_token());
        let whole = by.get("/v1/progress?group_by=org_unit").await.ok(200);
        let mut before = Vec::new();
        for path in &asked {
            before.push(by.get(path).await.ok(200));
        }

        let since = Utc.with_ymd_and_hms(2025, 8, 1, 3, 0, 0).unwrap();
        t.clock.set(since);
        let done = reference::reform_2025(&t.store, since, false, &|_, _| ()).await.unwrap().unwrap();
        assert!(done.touched > 10_000, "{done:?}");
        let by = replica.asked_by(&t.admin.clone().with_a_new_token());
        for (path, before) in asked.iter().zip(before) {
            let then = before["tree_as_of"].as_str().unwrap();
            let since = by.get(&format!("{path}&tree_as_of={then}")).await.ok(200);
            assert_eq!(told_of(&since), told_of(&before), "{path} of TINHNGUYEN_TEST_SEED={seed}");
        }
        let since = by.get("/v1/progress?group_by=org_unit").await.ok(200);
        assert_eq!(figures(&since), figures(&whole));
        let provinces = |answer: &Value| answer["groups"].as_array().unwrap().iter().filter(|group| group["reported"] != 0).count();
        assert!(provinces(&since) <= 34 + 2 && provinces(&since) < provinces(&whole), "{since}");
        // In the tree of now, in which the database keeps units, whenever it was; it keeps places in the one of then.
        country = Country { places: vec![], ..Country::of(t).await };
        holds(&by, &country, told("TINHNGUYEN_TEST_SLICES", 100) / 4, "&tree_as_of=2025-08-01").await;
    }

    async fn the_results_behind_a_figure_add_up_to_it_over_all_pages(t: &T) {
        filled(t).await;
        let country = Country::of(t).await;
        let replica = served(t).await;
        let by = replica.asked_by(&t.admin.clone().with_a_new_token());
        let seed = told("TINHNGUYEN_TEST_SEED", rand::random());
        let mut rng = StdRng::seed_from_u64(seed);
        for n in 0..8 {
            let mut question = country.question(&mut rng);
            let team = *country.teams.choose(&mut rng).unwrap();
            if !question.query.contains("team_id") && n % 2 == 0 {
                question.ask("team_id", team, format_args!("team_id = {}", country.id(team)));
            }
            let context = format!("TINHNGUYEN_TEST_SEED={seed}: {question:?}");
            let (mut sums, mut seen, mut cursor) = ((0, 0), BTreeSet::new(), String::new());
            // A page of a large figure is enough to see that no result comes twice.
            for page in 0..12 {
                let page_of = by.get(&format!("/v1/progress/explain?limit=200{}{cursor}", question.query)).await.ok(200);
                let found = sum(&page_of["data"]);
                sums = (sums.0 + found.0, sums.1 + found.1);
                for row in page_of["data"].as_array().unwrap() {
                    assert!(seen.insert(row["result_id"].as_str().unwrap().to_owned()), "twice: {row}, {context}");
                }
                let Some(next) = page_of["next_cursor"].as_str() else {
                    assert_eq!(sums, figures(&page_of), "{context}");
                    assert_eq!(sums, country.sum(&question).await, "{context}");
                    break;
                };
                assert_eq!(page_of["data"].as_array().unwrap().len(), 200, "page {page}, {context}");
                cursor = format!("&cursor={next}");
            }
        }
    }
}
