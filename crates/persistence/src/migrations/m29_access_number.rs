//! Whatever changes who may do what advances a number, by triggers, so that nobody can forget to: whoever remembers people's
//! rights knows by it whether they still hold.

use super::*;

pub(super) struct M;

/// What is watched. A new account or session changes nothing of what is remembered.
const WATCHED: [(&str, &str, &str); 5] = [
    ("user_account_changed", "user_account", "UPDATE"),
    ("access_grant_added", "access_grant", "INSERT"),
    ("access_grant_changed", "access_grant", "UPDATE"),
    ("access_grant_removed", "access_grant", "DELETE"),
    ("session_ended", "session", "UPDATE"),
];

const ADVANCE: &str = "INSERT INTO counter (name, value) VALUES ('access', 1) \
                       ON CONFLICT (name) DO UPDATE SET value = counter.value + 1";

impl MigrationName for M {
    fn name(&self) -> &str {
        "m29_access_number"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (database, postgres) = (manager.get_connection(), manager.get_database_backend() == DbBackend::Postgres);
        if postgres {
            let function = format!(
                "CREATE FUNCTION access_changed() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN {ADVANCE}; RETURN NULL; END $$"
            );
            database.execute_unprepared(&function).await?;
        }
        for (name, table, event) in WATCHED {
            let what =
                if postgres { "EXECUTE FUNCTION access_changed()".to_owned() } else { format!("BEGIN {ADVANCE}; END") };
            let trigger = format!("CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW {what}");
            database.execute_unprepared(&trigger).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (database, postgres) = (manager.get_connection(), manager.get_database_backend() == DbBackend::Postgres);
        for (name, table, _) in WATCHED {
            let on = if postgres { format!(" ON {table}") } else { String::new() };
            database.execute_unprepared(&format!("DROP TRIGGER {name}{on}")).await?;
        }
        if postgres {
            database.execute_unprepared("DROP FUNCTION access_changed()").await?;
        }
        database.execute_unprepared("DELETE FROM counter WHERE name = 'access'").await.map(drop)
    }
}
