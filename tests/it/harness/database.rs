//! A database a test: copied from a template that is made once a process.

use sea_orm::{
    ConnectionTrait,
    sqlx::{ConnectOptions as _, postgres::PgConnectOptions},
};
use secrecy::SecretString;
use std::{
    process,
    sync::{
        Once, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};
use tempfile::TempDir;
use tinhnguyen_domain::access::Role;
use tinhnguyen_http::passwords::Passwords;
use tinhnguyen_persistence::{Database, Store, access, reference};

/// Names the cluster: the URL of a superuser.
const POSTGRES_URL: &str = "TEST_POSTGRES_URL";
/// Leaves PostgreSQL out when it is `1`.
const SQLITE_ONLY: &str = "TINHNGUYEN_TEST_SQLITE_ONLY";
/// Connections of each pool of a test's store on PostgreSQL.
const CONNECTIONS: u32 = 10;

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// What a test's database holds at the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Nothing, not even a schema.
    Nothing,
    /// The schema and the reference data.
    Seeded,
}

impl Engine {
    /// Whether tests on it are to run; when not, says so once, past the capture of the test runner.
    pub fn is_wanted(self) -> bool {
        static SAID: Once = Once::new();
        let left_out = self == Self::Postgres && std::env::var(SQLITE_ONLY).is_ok_and(|v| v == "1");
        if left_out {
            SAID.call_once(|| {
                use std::io::Write;
                let words = format!("\n*** SKIPPED: every test on PostgreSQL, because {SQLITE_ONLY}=1 ***\n\n");
                let _ = std::io::stderr().write_all(words.as_bytes());
            });
        }
        !left_out
    }
}

fn cluster() -> PgConnectOptions {
    let url = std::env::var(POSTGRES_URL).unwrap_or_else(|_| {
        panic!(
            "{POSTGRES_URL} is not set, so there is no PostgreSQL to test on. Run `tests/run`, or `tests/postgres with \
             cargo test`; or set {SQLITE_ONLY}=1 to leave PostgreSQL out."
        )
    });
    url.parse().unwrap_or_else(|e| panic!("{POSTGRES_URL} is no URL of PostgreSQL: {e}"))
}

fn postgres(name: &str) -> Database {
    let url = cluster().database(name).to_url_lossy().to_string();
    Database::Postgres { url, max_connections: CONNECTIONS }
}

/// Runs one statement on the cluster, outside of any transaction.
async fn on_cluster(sql: &str) {
    let mut options = sea_orm::ConnectOptions::new(cluster().to_url_lossy().to_string());
    options.max_connections(1).sqlx_logging(false);
    let conn =
        sea_orm::Database::connect(options).await.unwrap_or_else(|e| panic!("no PostgreSQL by {POSTGRES_URL}: {e}"));
    conn.execute_unprepared(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    conn.close().await.unwrap();
}

/// The templates: a SQLite file's bytes, a PostgreSQL database's name.
static SQLITE: OnceLock<Vec<u8>> = OnceLock::new();
static POSTGRES: OnceLock<String> = OnceLock::new();

/// Makes the template unless it is there. Call it outside of any runtime: it blocks.
pub fn prepare(engine: Engine, content: Content) {
    if content == Content::Nothing {
        return;
    }
    match engine {
        Engine::Sqlite => drop(SQLITE.get_or_init(|| {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("template.db");
            actix_web::rt::System::new().block_on(fill(Database::Sqlite(path.clone())));
            // The driver's threads let go of the file a moment after they have said so.
            let log = path.with_extension("db-wal");
            let started = std::time::Instant::now();
            while log.exists() {
                assert!(started.elapsed().as_secs() < 20, "a closed store has folded its log into the file");
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            std::fs::read(path).unwrap()
        })),
        Engine::Postgres => drop(POSTGRES.get_or_init(|| {
            let name = format!("tinhnguyen_{}_template", process::id());
            actix_web::rt::System::new().block_on(async {
                on_cluster(&format!("CREATE DATABASE {name}")).await;
                fill(postgres(&name)).await;
            });
            name
        })),
    }
}

/// The schema, the reference data, and the first user.
async fn fill(database: Database) {
    let store = Store::open(database).await.unwrap();
    store.migrate().await.unwrap();
    reference::seed(&store).await.unwrap();
    super::vault().ensure(&store, super::now()).await.unwrap();
    let hash = Passwords::default().hash(SecretString::from(super::ADMIN_PASSWORD)).await.unwrap();
    let user = access::User {
        stamp: super::rows::stamp(),
        username: super::ADMIN.to_owned(),
        full_name: "Quản trị viên".to_owned(),
        email: None,
        disabled: false,
        created_by: None,
    };
    let grant = access::GrantRecord {
        stamp: super::rows::stamp(),
        user_id: user.stamp.id,
        role: Role::Administrator,
        org_unit_id: super::world::centre(),
        team_id: None,
        valid_from: None,
        valid_to: None,
        granted_by: user.stamp.id,
    };
    store
        .write(async |tx| {
            access::insert_user(tx, &user, Some(hash.clone())).await?;
            access::insert_grant(tx, &grant).await
        })
        .await
        .unwrap();
    store.close().await.unwrap();
}

/// A database that is there for one test.
pub enum Scratch {
    Sqlite(TempDir),
    Postgres(String),
}

impl Scratch {
    /// A copy of the template, or an empty database.
    pub async fn new(engine: Engine, content: Content) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        match engine {
            Engine::Sqlite => {
                let dir = tempfile::tempdir().unwrap();
                if let (Content::Seeded, Some(bytes)) = (content, SQLITE.get()) {
                    std::fs::write(dir.path().join("test.db"), bytes).unwrap();
                }
                Self::Sqlite(dir)
            }
            Engine::Postgres => {
                let name = format!("tinhnguyen_{}_{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
                let template = match content {
                    Content::Nothing => "template0",
                    Content::Seeded => POSTGRES.get().map_or("template0", String::as_str),
                };
                on_cluster(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
                Self::Postgres(name)
            }
        }
    }

    /// How a store opens it.
    pub fn database(&self) -> Database {
        match self {
            Self::Sqlite(dir) => Database::Sqlite(dir.path().join("test.db")),
            Self::Postgres(name) => postgres(name),
        }
    }

    /// Takes it away, whoever is still connected.
    pub async fn drop(self) {
        match self {
            Self::Sqlite(dir) => dir.close().unwrap(),
            Self::Postgres(name) => on_cluster(&format!("DROP DATABASE {name} WITH (FORCE)")).await,
        }
    }
}
