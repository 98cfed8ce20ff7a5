//! The vault: what stands in the database tells nothing without its key, opens only where it was put, and goes on
//! opening while the key is renewed; and the end of its time.

use crate::harness::{
    T, id_in, now, vault,
    world::{HA_NOI, campaign, new_volunteer, seeded_unit},
};
use chrono::{Days, Duration};
use serde_json::json;
use tinhnguyen_domain::personal::{Personal, PersonalField};
use tinhnguyen_http::app::today;
use tinhnguyen_persistence::{
    Database, Store, StoreError,
    personal::{self, Begun, KeyRing, MasterKey, Owner, Reading, Vault},
    volunteers,
};
use uuid::Uuid;

const PHONE: &str = "0912 345 678";

/// Keeps a phone number for somebody new.
async fn keep(store: &Store, vault: &Vault, phone: &str) -> Uuid {
    let (id, value) = (Uuid::now_v7(), Personal::new(phone.to_owned()));
    let values = [(PersonalField::Phone, Some(value))];
    store.write(async |tx| vault.keep(tx, id, &values).await).await.unwrap();
    id
}

/// Reads somebody's phone number.
async fn phone(store: &Store, vault: &Vault, id: Uuid) -> Result<Option<String>, StoreError> {
    let reading = Reading { at: now(), actor_id: Uuid::nil(), action: "test", request_id: "r", address: None };
    let owner = Owner { id, org_unit_id: Uuid::nil() };
    let mut values = store.write(async |tx| vault.read(tx, &reading, &[owner]).await).await?;
    let value = values.remove(&id).and_then(|mut values| values.remove(&PersonalField::Phone));
    Ok(value.map(Personal::into_revealed))
}

/// Seals everything anew and removes what is not used any more.
async fn recrypt(store: &Store, vault: &Vault, limit: u64) -> u64 {
    let mut done = 0;
    loop {
        let batch = store.write(async |tx| personal::recrypt(tx, vault, limit).await).await.unwrap();
        done += batch;
        if batch == 0 {
            assert!(personal::finish(store).await.unwrap());
            return done;
        }
    }
}

both! {
    async fn a_ciphertext_that_was_moved_or_changed_is_found_and_told_to_nobody(t: &T) {
        let mut body = new_volunteer(seeded_unit(HA_NOI));
        let one = t.admin.post("/v1/volunteers", &body).await.id();
        body["phone"] = json!("0900 000 000");
        let two = t.admin.post("/v1/volunteers", &body).await.id();
        let sql_id = |id: Uuid| match t.store.engine() {
            "sqlite" => format!("x'{}'", id.simple()),
            _ => format!("'{id}'"),
        };
        let (first, second) = (sql_id(one), sql_id(two));
        let phone = |id: &str| format!("(SELECT sealed FROM personal_data WHERE owner_id = {id} AND field = 'phone')");
        t.sql("CREATE TABLE kept AS SELECT * FROM personal_data").await;
        let mail = format!("(SELECT sealed FROM personal_data WHERE owner_id = {first} AND field = 'email')");
        for tampering in [
            // Another person's, another field's, and a changed length.
            format!("UPDATE personal_data SET sealed = {} WHERE owner_id = {first} AND field = 'phone'", phone(&second)),
            format!("UPDATE personal_data SET sealed = {mail} WHERE owner_id = {first} AND field = 'phone'"),
            format!("UPDATE personal_data SET sealed = blind WHERE owner_id = {first} AND field = 'phone'"),
        ] {
            t.sql(&tampering).await;
            let answer = t.admin.get(&format!("/v1/volunteers/{one}")).lenient().await;
            answer.problem(500, "internal");
            for word in ["0900", "dao.nguyen", "sealed", "personal", &two.to_string()] {
                assert!(!answer.text().contains(word), "{tampering}: {}", answer.text());
            }
            t.sql("DELETE FROM personal_data").await;
            t.sql("INSERT INTO personal_data SELECT * FROM kept").await;
            assert_eq!(t.admin.get(&format!("/v1/volunteers/{one}")).await.ok(200)["phone"], PHONE);
        }
        t.sql("DROP TABLE kept").await;
    }

    async fn nothing_that_is_stored_tells_contacts_without_the_key(t: &T) {
        let mut body = new_volunteer(seeded_unit(HA_NOI));
        body["id"] = json!(Uuid::now_v7());
        body["consent"]["guardian"] = json!({"full_name": "Trần Văn Bình", "phone": "0987654321"});
        t.admin.post("/v1/volunteers", &body).key("mot").await.ok(201);
        t.admin.get(&format!("/v1/volunteers/{}", id_in(&body, "id"))).await.ok(200);
        for (table, text) in crate::volunteers::everything(t).await {
            for word in [PHONE, "912345678", "dao.nguyen@example.org", "2003-04-05", "Trần Văn Bình", "0987654321"] {
                let hex: String = word.bytes().map(|b| format!("{b:02x}")).collect();
                assert!(!text.contains(word) && !text.to_lowercase().contains(&hex), "`{word}` in {table}: {text}");
            }
        }
    }

    async fn the_hash_of_a_request_is_no_help_in_guessing_what_it_said(t: &T) {
        /// What a request's hash is made of, where it is not keyed.
        fn canonical(value: &serde_json::Value) -> String {
            match value {
                serde_json::Value::Object(members) => {
                    let mut members: Vec<_> = members.iter().collect();
                    members.sort_by_key(|(name, _)| name.as_str());
                    let all = members.into_iter().map(|(name, member)| format!("{}\n{}", json!(name), canonical(member)));
                    format!("{{{}}}", all.collect::<String>())
                }
                serde_json::Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<String>()),
                scalar => format!("{scalar}\n"),
            }
        }
        let stored = async || -> Vec<String> {
            let mut hashes: Vec<Vec<u8>> = crate::harness::values(t.store.read(), "SELECT body_hash FROM chosen_id").await;
            hashes.extend(crate::harness::values::<Vec<u8>>(t.store.read(), "SELECT body_hash FROM idempotency_key").await);
            let hex = |hash: &Vec<u8>| hash.iter().take(12).map(|b| format!("{b:02x}")).collect();
            hashes.iter().map(hex).collect()
        };
        for (path, mut body, guessed) in [
            ("/v1/teams", crate::harness::world::new_team(seeded_unit(HA_NOI)), 2),
            ("/v1/volunteers", new_volunteer(seeded_unit(HA_NOI)), 0),
        ] {
            body["id"] = json!(Uuid::now_v7());
            t.admin.post(path, &body).key("mot").await.ok(201);
            let guess = tinhnguyen_http::reply::hash_tag(canonical(&body));
            let found = stored().await.iter().filter(|hash| **hash == guess.trim_matches('"')).count();
            assert_eq!(found, guessed, "{path}");
        }
        assert_eq!(stored().await.len(), 4);
    }

    async fn another_master_key_opens_nothing_and_says_which_is_missing(t: &T) {
        let id = keep(&t.store, &vault(), PHONE).await;
        let stranger = Vault::new(KeyRing::of(MasterKey::generate().unwrap()));
        let error = stranger.ensure(&t.store, now()).await.unwrap_err().to_string();
        let wanted = personal::wrapped_by(t.store.read()).await.unwrap().unwrap();
        assert!(error.contains(&wanted), "{error}");
        assert!(matches!(phone(&t.store, &stranger, id).await, Err(StoreError::Sealed(_))));
        t.sql("UPDATE personal_key SET generation = 7 WHERE generation = 0").await;
        let error = vault().ensure(&t.store, now()).await.unwrap_err().to_string();
        assert!(error.contains("data key 7"), "a wrapped key that was moved doesn't open: {error}");
    }

    async fn a_renewed_key_is_taken_up_by_replicas_that_go_on_meanwhile(t: &T) {
        let dir = tempfile::tempdir().unwrap();
        let (mine, theirs) = (dir.path().join("mine.key"), dir.path().join("theirs.key"));
        let write = |path: &std::path::Path, ring: &KeyRing| {
            use secrecy::ExposeSecret;
            std::fs::write(path, ring.to_text().expose_secret()).unwrap();
        };
        // A database of its own keys: those of the template belong to the other tests' master key.
        t.sql("DELETE FROM personal_key").await;
        let old = KeyRing::of(MasterKey::generate().unwrap());
        write(&mine, &old);
        write(&theirs, &old);
        let (here, there) = (Vault::of_file(mine.clone()).unwrap(), Vault::of_file(theirs.clone()).unwrap());
        here.ensure(&t.store, now()).await.unwrap();
        there.ensure(&t.store, now()).await.unwrap();
        let mut kept = Vec::new();
        for n in 0..25 {
            kept.push((keep(&t.store, if n % 2 == 0 { &here } else { &there }, &format!("09{n:08}")).await, format!("09{n:08}")));
        }
        let hash = there.veil(t.store.read(), b"request").await.unwrap();
        assert_eq!(personal::begin(&t.store, &here, now()).await.unwrap(), Begun::NothingToDo);

        // The new key stands second with the others first, then it leads with the one who renews.
        let new = MasterKey::generate().unwrap();
        write(&theirs, &KeyRing::parse(&{
            use secrecy::ExposeSecret;
            let (one, two) = (old.to_text(), KeyRing::of(new.clone()).to_text());
            format!("{}{}", one.expose_secret(), two.expose_secret())
        }).unwrap());
        write(&mine, &old.led_by(new.clone()));
        let renewing = Vault::of_file(mine.clone()).unwrap();
        assert_eq!(personal::begin(&t.store, &renewing, now()).await.unwrap(), Begun::Fresh);
        assert_eq!(personal::waiting(t.store.read()).await.unwrap(), 25);
        // Stopped after one batch; meanwhile the others read and write, and find what is asked by equality.
        assert_eq!(t.store.write(async |tx| personal::recrypt(tx, &renewing, 10).await).await.unwrap(), 10);
        assert!(!personal::finish(&t.store).await.unwrap(), "old values are left");
        kept.push((keep(&t.store, &there, "0999999999").await, "0999999999".to_owned()));
        for vault in [&here, &there, &renewing] {
            for (id, number) in &kept {
                assert_eq!(phone(&t.store, vault, *id).await.unwrap().as_deref(), Some(number.as_str()));
                let owners = vault.owners_of(t.store.read(), PersonalField::Phone, &Personal::new(number.clone())).await.unwrap();
                assert_eq!(owners, [*id], "{number}");
            }
        }
        let again = Vault::of_file(mine.clone()).unwrap();
        assert_eq!(personal::begin(&t.store, &again, now()).await.unwrap(), Begun::Resumed);
        assert_eq!(recrypt(&t.store, &again, 4).await, 15);
        assert_eq!(personal::begin(&t.store, &again, now()).await.unwrap(), Begun::NothingToDo);
        let generations: i64 = crate::harness::value(t.store.read(), "SELECT count(*) FROM personal_key").await;
        assert_eq!(generations, 2, "the requests' and the newest");
        assert_eq!(there.veil(t.store.read(), b"request").await.unwrap(), hash, "retries are known as before");
        for (id, number) in &kept {
            assert_eq!(phone(&t.store, &there, *id).await.unwrap().as_deref(), Some(number.as_str()));
        }
        // The old key opens nothing any more.
        let former = Vault::new(old);
        assert!(matches!(phone(&t.store, &former, kept[0].0).await, Err(StoreError::Sealed(_))));
        t.sql("DELETE FROM personal_data").await;
        t.sql("DELETE FROM personal_key").await;
    }

    async fn writers_and_a_renewal_at_once_lose_nothing(t: &T) {
        t.sql("DELETE FROM personal_key").await;
        let old = KeyRing::of(MasterKey::generate().unwrap());
        let ring = old.led_by(MasterKey::generate().unwrap());
        Vault::new(old).ensure(&t.store, now()).await.unwrap();
        let vault = Vault::new(ring);
        let writer = async |writer: u32| {
            let mut kept = Vec::new();
            for n in 0..20 {
                let number = format!("09{writer}{n:07}");
                kept.push((keep(&t.store, &vault, &number).await, number));
            }
            kept
        };
        let renewal = async {
            let mut begun = personal::begin(&t.store, &vault, now()).await.unwrap();
            assert_eq!(begun, Begun::Fresh);
            while begun != Begun::NothingToDo {
                t.store.write(async |tx| personal::recrypt(tx, &vault, 5).await).await.unwrap();
                personal::finish(&t.store).await.unwrap();
                begun = personal::begin(&t.store, &vault, now()).await.unwrap();
            }
        };
        let (kept, ()) = tokio::join!(futures_util::future::join_all((0..4).map(&writer)), renewal);
        for (id, number) in kept.into_iter().flatten() {
            assert_eq!(phone(&t.store, &vault, id).await.unwrap(), Some(number));
        }
        assert_eq!(personal::waiting(t.store.read()).await.unwrap(), 0);
        t.sql("DELETE FROM personal_data").await;
    }

    async fn who_was_in_no_campaign_for_a_year_is_made_unknown_by_the_service_itself(t: &T) {
        let old = json!({"given_at": "2023-01-05T00:00:00Z", "purposes": ["x"]});
        let mut made = Vec::new();
        for n in 0..5 {
            let mut body = new_volunteer(seeded_unit(HA_NOI));
            body["consent"] = old.clone();
            body["full_name"] = json!(format!("Người {n}"));
            made.push(t.admin.post("/v1/volunteers", &body).await.id());
        }
        let team = t.team(seeded_unit(HA_NOI)).await;
        t.member(&team, made[0], "member").await;
        let campaign_end = chrono::NaiveDate::from_ymd_opt(2024, 8, 31).unwrap();
        let ends: String = crate::harness::value(t.store.read(), &format!("SELECT CAST(ends_on AS TEXT) FROM campaign WHERE code = '{}'", tinhnguyen_persistence::reference::CAMPAIGN)).await;
        assert_eq!((ends, campaign()), (campaign_end.to_string(), campaign()));
        let due = async |at| volunteers::count_due(t.store.read(), at, today(at), 365).await.unwrap();
        // Registered in the middle of July 2024: a year and a moment later their time is over, but not of who was in a
        // team of the campaign, which ended at the end of August.
        assert_eq!(due(now() + Duration::days(365)).await, 0);
        let later = now() + Duration::days(365) + Duration::seconds(1);
        assert_eq!(due(later).await, 4);
        // Who consented anew stays.
        t.clock.set(now() + Duration::days(100));
        let fresh = t.admin.clone().with_a_new_token();
        let consent = json!({"consent": {"given_at": "2024-10-01T00:00:00Z", "purposes": ["x"]}});
        fresh.patch(&format!("/v1/volunteers/{}", made[1]), &consent).if_match("*").await.ok(200);
        assert_eq!(due(later).await, 3);
        // In batches, and of two replicas at once each takes what the other left.
        let expire = async || t.store.write(async |tx| volunteers::expire(tx, later, today(later), 365, 2).await).await.unwrap();
        let (one, other) = futures_util::future::join(expire(), expire()).await;
        assert_eq!((one.max(other), one.min(other)), (2, 1));
        assert_eq!(expire().await, 0);
        t.clock.set(later);
        let admin = t.admin.clone().with_a_new_token();
        for (n, id) in made.iter().enumerate() {
            let seen = admin.get(&format!("/v1/volunteers/{id}")).await.ok(200);
            assert_eq!(seen["erased_at"].is_null(), n < 2, "{n}: {seen}");
        }
        let log = admin.get("/v1/audit-log?action=expire_volunteer").await.ok(200);
        let rows = log["data"].as_array().unwrap();
        assert!(rows.len() == 3 && rows.iter().all(|row| id_in(row, "actor_id") == volunteers::SYSTEM));
        // The campaign's people a year after its last day, not on that day.
        let end = (campaign_end + Days::new(365)).and_hms_opt(3, 0, 0).unwrap().and_utc();
        assert_eq!((due(end).await, due(end + Duration::days(1)).await), (0, 1));
    }
}

only! { Sqlite:
    async fn in_the_files_of_sqlite_nothing_of_an_erased_volunteer_is_left(t: &T) {
        // Enough of them that pages are split and let go, each with a stored answer that names them.
        let mut made = Vec::new();
        for n in 0..60 {
            made.push(t.admin.post("/v1/volunteers", &new_volunteer(seeded_unit(HA_NOI))).key(&format!("k{n}")).await.id());
        }
        let file = match t.database() {
            Database::Sqlite(path) => path,
            Database::Postgres { .. } => panic!("this is SQLite's"),
        };
        let bytes = |suffix: &str| {
            let mut path = file.clone().into_os_string();
            path.push(suffix);
            std::fs::read(path).unwrap_or_default()
        };
        let holds = |bytes: &[u8], word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
        let secret = [PHONE, "dao.nguyen@example.org", "2003-04-05"];
        for suffix in ["", "-wal"] {
            for word in secret {
                assert!(!holds(&bytes(suffix), word), "{word} in the file{suffix}");
            }
        }
        let name = "Nguyễn Thị Đào";
        assert!(holds(&bytes(""), name) || holds(&bytes("-wal"), name), "the name is searched by, so it is there");
        for id in made {
            t.admin.act(&format!("/v1/volunteers/{id}/withdraw")).await.ok(200);
        }
        // The log is folded back by the next start at the latest.
        let raw = sea_orm::Database::connect(format!("sqlite:{}", file.display())).await.unwrap();
        use sea_orm::ConnectionTrait;
        raw.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
        raw.close().await.unwrap();
        for suffix in ["", "-wal"] {
            for word in [name, "nguyen thi dao", "Bách khoa Hà Nội", PHONE] {
                assert!(!holds(&bytes(suffix), word), "{word} in the file{suffix}");
            }
        }
    }
}
