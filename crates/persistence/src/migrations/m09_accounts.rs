//! What people's accounts need beside a password: mail that waits to be sent, invitations, password resets, second
//! factors, and identities at a provider. Tokens and codes are stored as hashes; what must be read again is sealed.

use super::*;

migration!("m09_accounts",
    tables: tables,
    indexes: [
        ("mail_outbox", &["status", "due_at"][..]),
        ("invitation", &["created_at", "id"]), ("invitation_grant", &["invitation_id"]),
        ("invitation_grant", &["org_unit_id"]),
        ("password_reset_request", &["created_at"]), ("password_reset", &["user_id", "created_at"]),
        ("recovery_code", &["user_id"]),
        ("oidc_login", &["expires_at"]), ("oidc_code", &["expires_at"]), ("oidc_identity", &["user_id"]),
    ]
);

fn tables(_: &Schema) -> Vec<TableCreateStatement> {
    let mut tables = mail_and_invitations();
    tables.extend(resets());
    tables.extend(second_factor());
    tables.extend(identities());
    tables
}

fn mail_and_invitations() -> Vec<TableCreateStatement> {
    vec![
        plain("mail_outbox")
            .col(uuid("id").primary_key())
            .col(timestamp_with_time_zone("created_at"))
            .col(string("kind"))
            .col(text("recipient"))
            .col(text("subject"))
            // Sealed, because it may hold a link that is as good as a password; gone once it is sent or given up.
            .col(binary_null("body"))
            .col(string("status"))
            .col(integer("attempts"))
            .col(timestamp_with_time_zone("due_at"))
            // Until then one replica is sending it.
            .col(timestamp_with_time_zone_null("leased_until"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(text_null("last_error"))
            .to_owned(),
        resource("invitation")
            .col(text("email"))
            .col(text("full_name"))
            .col(binary("token_hash").unique_key().to_owned())
            .col(string("status"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(uuid("invited_by"))
            .col(uuid_null("user_id"))
            .to_owned(),
        plain("invitation_grant")
            .col(uuid("id").primary_key())
            .col(uuid("invitation_id"))
            .col(integer("position"))
            .col(string("role"))
            .col(uuid("org_unit_id"))
            .col(uuid_null("team_id"))
            .col(date_null("valid_from"))
            .col(date_null("valid_to"))
            .foreign_key(&mut refers("invitation_grant", "invitation_id", "invitation"))
            .foreign_key(&mut refers("invitation_grant", "org_unit_id", "org_unit"))
            .to_owned(),
    ]
}

fn resets() -> Vec<TableCreateStatement> {
    vec![
        // What somebody wrote who asks for a reset; whether it names an account is found out later, out of their sight.
        plain("password_reset_request")
            .col(uuid("id").primary_key())
            .col(text("identifier"))
            .col(text("request_id"))
            .col(timestamp_with_time_zone("created_at"))
            .to_owned(),
        plain("password_reset")
            .col(uuid("id").primary_key())
            .col(uuid("user_id"))
            .col(binary("token_hash").unique_key().to_owned())
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(timestamp_with_time_zone_null("used_at"))
            .foreign_key(&mut refers("password_reset", "user_id", "user_account"))
            .to_owned(),
    ]
}

fn second_factor() -> Vec<TableCreateStatement> {
    vec![
        plain("totp")
            .col(uuid("user_id").primary_key())
            .col(binary("secret"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone_null("confirmed_at"))
            // The time step of the code that was used last: a code is good once.
            .col(big_integer_null("last_step"))
            .col(integer("failures"))
            .col(timestamp_with_time_zone_null("locked_until"))
            .foreign_key(&mut refers("totp", "user_id", "user_account"))
            .to_owned(),
        plain("recovery_code")
            .col(uuid("id").primary_key())
            .col(uuid("user_id"))
            .col(binary("code_hash"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone_null("used_at"))
            .foreign_key(&mut refers("recovery_code", "user_id", "user_account"))
            .to_owned(),
    ]
}

fn identities() -> Vec<TableCreateStatement> {
    vec![
        plain("oidc_login")
            .col(uuid("id").primary_key())
            .col(binary("state_hash").unique_key().to_owned())
            // Nonce and PKCE verifier towards the provider, sealed.
            .col(binary("secret"))
            .col(text("code_challenge"))
            .col(text_null("app_state"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .to_owned(),
        plain("oidc_code")
            .col(uuid("id").primary_key())
            .col(binary("code_hash").unique_key().to_owned())
            .col(uuid("user_id"))
            .col(text("code_challenge"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .foreign_key(&mut refers("oidc_code", "user_id", "user_account"))
            .to_owned(),
        plain("oidc_identity")
            .col(uuid("id").primary_key())
            .col(text("issuer"))
            .col(text("subject"))
            .col(uuid("user_id"))
            .col(timestamp_with_time_zone("created_at"))
            .foreign_key(&mut refers("oidc_identity", "user_id", "user_account"))
            .index(&mut unique("oidc_identity", &["issuer", "subject"]))
            .to_owned(),
    ]
}
