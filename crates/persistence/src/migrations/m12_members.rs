//! Who is in which team, and when.

use super::*;

migration!("m12_members",
    tables: tables,
    indexes: [
        ("team_member", &["team_id", "created_at", "id"][..]), ("team_member", &["volunteer_id", "joined_on"]),
    ]
);

fn tables(_: &Schema) -> Vec<TableCreateStatement> {
    vec![
        resource("team_member")
            .col(uuid("team_id"))
            .col(uuid("volunteer_id"))
            .col(string("role"))
            .col(date("joined_on"))
            .col(date_null("left_on"))
            .foreign_key(&mut refers("team_member", "team_id", "team"))
            .foreign_key(&mut refers("team_member", "volunteer_id", "volunteer"))
            .to_owned(),
    ]
}
