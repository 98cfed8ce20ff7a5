//! Volunteers: registered with consent, searched by name, shown to whoever manages them, and made unknown for good.

use crate::harness::{
    Caller, T, id_in,
    world::{DA_NANG, HA_NOI, centre, new_volunteer, seeded_unit},
};
use actix_web::http::Method;
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

/// What [`new_volunteer`] tells that only whoever manages them may see.
const HIDDEN: [&str; 4] = ["0912 345 678", "912345678", "dao.nguyen@example.org", "2003-04-05"];

fn minor() -> Value {
    let mut body = new_volunteer(seeded_unit(HA_NOI));
    body["birth_date"] = json!("2007-01-01");
    body["occupation"] = json!("pupil");
    body["consent"]["guardian"] = json!({"full_name": "Trần Văn Bình", "relationship": "cha", "phone": "0987654321"});
    body
}

fn ids(page: &Value) -> Vec<Uuid> {
    let mut ids: Vec<_> = page["data"].as_array().unwrap().iter().map(|item| id_in(item, "id")).collect();
    ids.sort_unstable();
    ids
}

/// How often somebody's personal data were read, by the audit log.
async fn readings(t: &T, id: Uuid) -> Vec<(String, Uuid)> {
    let page = t.admin.get(&format!("/v1/audit-log?resource=personal_data&resource_id={id}&sort=created_at")).await;
    let page = page.ok(200);
    let rows = page["data"].as_array().unwrap().iter();
    rows.map(|row| (row["action"].as_str().unwrap().to_owned(), id_in(row, "actor_id"))).collect()
}

/// A client's token with these scopes over a unit.
async fn client(t: &T, unit: Uuid, scopes: &[&str]) -> Caller {
    let body = json!({"name": "Cổng", "org_unit_id": unit, "scopes": scopes});
    let client = t.admin.post("/v1/clients", &body).await.ok(201);
    let (id, secret) = (client["id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let request = t.stranger.send(Method::POST, "/v1/auth/token");
    let tokens = request.body("application/x-www-form-urlencoded", form).await.ok(200);
    t.stranger.clone().with_token(tokens["access_token"].as_str().unwrap())
}

both! {
    async fn a_volunteer_is_registered_read_and_changed_by_whoever_manages_them(t: &T) {
        let coordinator = t.user(Role::Coordinator, seeded_unit(HA_NOI)).await;
        let body = new_volunteer(seeded_unit(HA_NOI));
        let answer = coordinator.post("/v1/volunteers", &body).await;
        let made = answer.ok(201);
        for (field, value) in body.as_object().unwrap() {
            assert_eq!(&made[field], value, "{field}");
        }
        assert_eq!((&made["masked"], &made["archived"], &made["duplicate_ids"]), (&json!(false), &json!(false), &json!([])));
        assert_eq!(made["allowed_actions"], json!(["edit", "withdraw", "erase", "read_personal_data"]));
        let path = format!("/v1/volunteers/{}", answer.id());
        assert_eq!(answer.header("location"), Some(path.as_str()));
        let read = coordinator.get(&path).await;
        assert_eq!((read.ok(200), read.header("cache-control")), (made.clone(), Some("no-store")));

        let patch = json!({"phone": "+84 987 654 321", "email": null, "birth_date": null, "sex": null,
            "institution": null, "skills": [], "can_teach": false, "archived": true, "full_name": "Nguyễn Thị Đào Mai"});
        let changed = coordinator.patch(&path, &patch).if_match("\"1\"").await.ok(200);
        for (field, value) in patch.as_object().unwrap() {
            assert_eq!(&changed[field], value, "{field}");
        }
        assert_eq!(coordinator.get(&path).await.ok(200), changed);
        coordinator.patch(&path, &patch).if_match("\"1\"").await.problem(412, "stale_version");
        coordinator.patch(&path, &patch).await.problem(428, "if_match_required");
    }

    async fn contacts_are_shown_to_whoever_manages_them_alone_and_every_reading_is_remembered(t: &T) {
        let ward = t.commune(seeded_unit(HA_NOI), "XD-1").await;
        let made = t.admin.post("/v1/volunteers", &new_volunteer(ward)).await.ok(201);
        let (id, path) = (id_in(&made, "id"), format!("/v1/volunteers/{}", made["id"].as_str().unwrap()));
        let coordinator = t.user(Role::Coordinator, seeded_unit(HA_NOI)).await;
        for role in [Role::Viewer, Role::Verifier, Role::Inspector, Role::TeamLeader] {
            let reader = t.user(role, seeded_unit(HA_NOI)).await;
            for answer in [reader.get(&path).await, reader.get("/v1/volunteers").await] {
                answer.ok(200);
                assert!(HIDDEN.iter().all(|word| !answer.text().contains(word)), "{role}: {}", answer.text());
            }
            let seen = reader.get(&path).await.ok(200);
            assert_eq!((&seen["masked"], &seen["phone"], &seen["duplicate_ids"]), (&json!(true), &Value::Null, &Value::Null));
            assert_eq!((&seen["full_name"], &seen["allowed_actions"]), (&json!("Nguyễn Thị Đào"), &json!([])));
            reader.get(&format!("{path}/personal-data")).await.problem(403, "forbidden");
        }
        t.user(Role::Guide, centre()).await.get(&path).await.problem(403, "forbidden");
        // Not even those who manage them see contacts in a list, or in a rehearsal, which nobody would remember.
        for answer in [
            coordinator.get("/v1/volunteers").await,
            coordinator.patch(&format!("{path}?dry_run=true"), &json!({})).if_match("*").await,
        ] {
            answer.ok(200);
            assert!(HIDDEN.iter().all(|word| !answer.text().contains(word)), "{}", answer.text());
        }
        assert_eq!(readings(t, id).await, [("create_volunteer".to_owned(), t.admin.user_id)]);
        let answer = coordinator.get(&path).header("x-request-id", "doc-1").await.ok(200);
        assert_eq!(answer["phone"], "0912 345 678");
        coordinator.get(&format!("{path}/personal-data")).await.ok(200);
        let by = |action: &str| (action.to_owned(), coordinator.user_id);
        assert_eq!(readings(t, id).await[1..], [by("get_volunteer"), by("get_volunteer_personal_data")]);
        let entry = t.admin.get("/v1/audit-log?request_id=doc-1").await.ok(200);
        assert_eq!((&entry["data"][0]["resource"], &entry["data"][0]["org_unit_id"]), (&json!("personal_data"), &json!(ward)));
    }

    async fn a_reading_that_cannot_be_remembered_does_not_happen(t: &T) {
        let made = t.admin.post("/v1/volunteers", &new_volunteer(seeded_unit(HA_NOI))).await.ok(201);
        t.sql("ALTER TABLE audit_log RENAME TO audit_log_away").await;
        for path in ["", "/personal-data"] {
            let answer = t.admin.get(&format!("/v1/volunteers/{}{path}", id_in(&made, "id"))).lenient().await;
            answer.problem(500, "internal");
            assert!(HIDDEN.iter().all(|word| !answer.text().contains(word)), "{}", answer.text());
        }
        t.sql("ALTER TABLE audit_log_away RENAME TO audit_log").await;
    }

    async fn a_client_reads_contacts_only_with_the_scope_for_them(t: &T) {
        let here = seeded_unit(HA_NOI);
        let made = t.admin.post("/v1/volunteers", &new_volunteer(here)).await.ok(201);
        let path = format!("/v1/volunteers/{}", id_in(&made, "id"));
        let reader = client(t, here, &["volunteers:read"]).await;
        assert_eq!(reader.get(&path).await.ok(200)["masked"], true);
        reader.get(&format!("{path}/personal-data")).await.problem(403, "forbidden");
        reader.post("/v1/volunteers", &new_volunteer(here)).await.problem(403, "forbidden");
        let writer = client(t, here, &["volunteers:write"]).await;
        assert_eq!(writer.patch(&path, &json!({"can_teach": false})).if_match("*").await.ok(200)["masked"], true);
        writer.get(&path).await.problem(403, "forbidden");
        let manager = client(t, here, &["volunteers:read", "volunteers:personal"]).await;
        assert_eq!(manager.get(&path).await.ok(200)["phone"], "0912 345 678");
        let elsewhere = client(t, seeded_unit(DA_NANG), &["volunteers:read", "volunteers:personal"]).await;
        elsewhere.get(&path).await.problem(404, "not_found");
        elsewhere.get(&format!("{path}/personal-data")).await.problem(404, "not_found");
    }

    async fn a_minor_takes_part_when_a_guardian_consents(t: &T) {
        let missing = [("/consent/guardian", "guardian_consent_required")];
        let mut body = minor();
        body["consent"]["guardian"] = Value::Null;
        t.admin.post("/v1/volunteers", &body).await.problem(422, "guardian_consent_required");
        t.admin.post("/v1/volunteers", &body).await.faults(422, &missing);
        // Of full age on the day of the consent in Viet Nam, not a day before: 17:00Z is the next day there.
        body["birth_date"] = json!("2006-05-21");
        body["consent"]["given_at"] = json!("2024-05-20T16:59:00Z");
        t.admin.post("/v1/volunteers", &body).await.faults(422, &missing);
        body["consent"]["given_at"] = json!("2024-05-20T17:00:00Z");
        let grown = t.admin.post("/v1/volunteers", &body).await.ok(201);
        // A pupil whose age nobody told counts as a minor; a student does not.
        body["birth_date"] = Value::Null;
        t.admin.post("/v1/volunteers", &body).await.faults(422, &missing);
        body["occupation"] = json!("student");
        t.admin.post("/v1/volunteers", &body).await.ok(201);
        let path = format!("/v1/volunteers/{}", id_in(&grown, "id"));
        for patch in [json!({"birth_date": "2007-01-01"}), json!({"birth_date": null}),
            json!({"consent": {"given_at": "2024-05-20T16:59:00Z", "purposes": ["x"]}})] {
            t.admin.patch(&path, &patch).if_match("*").await.faults(422, &missing);
        }
        let young = t.admin.post("/v1/volunteers", &minor()).await.ok(201);
        assert_eq!(young["consent"]["guardian"], minor()["consent"]["guardian"]);
        let path = format!("/v1/volunteers/{}", id_in(&young, "id"));
        let patch = json!({"consent": {"given_at": "2024-06-01T00:00:00Z", "purposes": ["x"]}});
        t.admin.patch(&path, &patch).if_match("*").await.faults(422, &missing);
        assert_eq!(t.admin.get(&path).await.ok(200)["consent"], young["consent"], "nothing changed");
    }

    async fn faults_of_a_volunteer_are_told_all_at_once_and_repeat_nothing_personal(t: &T) {
        let mut body = new_volunteer(Uuid::now_v7());
        body["birth_date"] = json!("2024-07-16");
        body["skills"] = json!([{"topic": "cyber_safety", "level": "good"}, {"topic": "cyber_safety", "level": "basic"}]);
        body["consent"] = json!({"given_at": "2024-07-15T03:00:01Z", "purposes": ["a", "a"],
            "guardian": {"full_name": "Trần Văn Bình"}});
        t.admin.post("/v1/volunteers", &body).await.faults(422, &[
            ("/org_unit_id", "reference_not_found"),
            ("/birth_date", "in_the_future"),
            ("/skills/1/topic", "not_unique"),
            ("/consent/given_at", "in_the_future"),
            ("/consent/purposes/1", "not_unique"),
        ]);
        let mut body = new_volunteer(seeded_unit(HA_NOI));
        body["phone"] = json!("số 0912345678");
        body["email"] = json!("0912345678");
        body["birth_date"] = json!("05/04/2003");
        body["full_name"] = json!(" ");
        body["occupation"] = json!("0912345678");
        body["erased_at"] = json!("2024-07-15T03:00:01Z");
        body["consent"] = json!({"given_at": "0912345678", "purposes": [], "guardian": {"phone": "số 0912345678"}});
        let answer = t.admin.post("/v1/volunteers", &body).await;
        answer.faults(422, &[
            ("/phone", "bad_format"),
            ("/email", "bad_format"),
            ("/birth_date", "bad_format"),
            ("/full_name", "bad_format"),
            ("/occupation", "not_allowed_value"),
            ("/erased_at", "unknown_field"),
            ("/consent/given_at", "bad_format"),
            ("/consent/purposes", "too_few"),
            ("/consent/guardian/full_name", "required"),
            ("/consent/guardian/phone", "bad_format"),
        ]);
        assert!(!answer.text().contains("0912345678") && !answer.text().contains("05/04/2003"), "{}", answer.text());
        let mut body = new_volunteer(seeded_unit(HA_NOI));
        body["birth_date"] = json!("1899-12-31");
        t.admin.post("/v1/volunteers", &body).await.faults(422, &[("/birth_date", "out_of_range")]);
        body.as_object_mut().unwrap().remove("consent");
        t.admin.post("/v1/volunteers", &body).await.faults(422, &[("/consent", "required")]);
        assert_eq!(t.admin.get("/v1/volunteers?include_total=true").await.ok(200)["total"], 0);
        let kept: i64 = crate::harness::value(t.store.read(), "SELECT count(*) FROM personal_data").await;
        assert_eq!(kept, 0);
    }

    async fn one_lists_the_volunteers_of_ones_subtree_by_every_filter(t: &T) {
        let ward = t.commune(seeded_unit(HA_NOI), "XD-1").await;
        let (above, below) = (t.volunteer(seeded_unit(HA_NOI), "Đặng Thị Hòa").await, t.volunteer(ward, "Đỗ Văn Ấn").await);
        let aside = t.volunteer(seeded_unit(DA_NANG), "Đặng Văn Hoà").await;
        let path = format!("/v1/volunteers/{below}");
        let patch = json!({"occupation": "teacher", "can_teach": false, "archived": true, "skills": []});
        t.admin.patch(&path, &patch).if_match("*").await.ok(200);
        let team = t.team(seeded_unit(HA_NOI)).await;
        t.member(&team, above, "leader").await;
        let all = |ids: &[Uuid]| { let mut ids = ids.to_vec(); ids.sort_unstable(); ids };
        for (filter, expected) in [
            (String::new(), all(&[above, below, aside])),
            (format!("id={above}"), vec![above]),
            (format!("org_unit_id={}", seeded_unit(HA_NOI)), vec![above]),
            (format!("within={}", seeded_unit(HA_NOI)), all(&[above, below])),
            (format!("within={}", Uuid::now_v7()), vec![]),
            (format!("team_id={}", id_in(&team, "id")), vec![above]),
            ("occupation=teacher".to_owned(), vec![below]),
            ("can_teach=true".to_owned(), all(&[above, aside])),
            ("topic=cyber_safety".to_owned(), all(&[above, aside])),
            ("topic=e_commerce".to_owned(), vec![]),
            ("archived=true".to_owned(), vec![below]),
            ("q=hoa".to_owned(), all(&[above, aside])),
            ("q=DO%20van%20an".to_owned(), vec![below]),
            ("q=%25".to_owned(), vec![]),
            ("updated_since=2024-07-15T03:00:01Z".to_owned(), vec![]),
        ] {
            assert_eq!(ids(&t.admin.get(&format!("/v1/volunteers?{filter}")).await.ok(200)), expected, "{filter}");
        }
        let viewer = t.user(Role::Viewer, ward).await;
        assert_eq!(ids(&viewer.get("/v1/volunteers").await.ok(200)), [below]);
        for hidden in [above, aside] {
            viewer.get(&format!("/v1/volunteers/{hidden}")).await.problem(404, "not_found");
            let page = viewer.get(&format!("/v1/volunteers?id={hidden}&include_total=true")).await.ok(200);
            assert_eq!((&page["data"], &page["total"]), (&json!([]), &json!(0)));
        }
        // A leader of one team sees its people of today, and nobody else.
        let leader = t.leader(&team).await;
        assert_eq!(ids(&leader.get("/v1/volunteers").await.ok(200)), [above]);
        leader.get(&path).await.problem(404, "not_found");
    }

    async fn nobody_reaches_a_volunteer_of_another_subtree_by_any_operation(t: &T) {
        let made = t.admin.post("/v1/volunteers", &new_volunteer(seeded_unit(DA_NANG))).await.ok(201);
        let (id, path) = (id_in(&made, "id"), format!("/v1/volunteers/{}", id_in(&made, "id")));
        let other = t.user(Role::Coordinator, seeded_unit(HA_NOI)).await;
        let mine = t.team(seeded_unit(HA_NOI)).await;
        other.get(&path).await.problem(404, "not_found");
        other.get(&format!("{path}/personal-data")).await.problem(404, "not_found");
        other.patch(&path, &json!({"can_teach": false})).if_match("*").await.problem(404, "not_found");
        other.post(&format!("{path}/erasure"), &json!({"reason": "x"})).if_match("*").await.problem(404, "not_found");
        other.act(&format!("{path}/withdraw")).await.problem(404, "not_found");
        other.post(&format!("/v1/teams/{}/members", id_in(&mine, "id")), &crate::harness::world::new_member(id, "member"))
            .await.faults(422, &[("/volunteer_id", "reference_not_found")]);
        // Their number is not found out by registering it either.
        let twin = other.post("/v1/volunteers", &new_volunteer(seeded_unit(HA_NOI))).await.ok(201);
        assert_eq!(twin["duplicate_ids"], json!([]));
        // A volunteer is not pushed into somebody else's subtree, nor pulled out of it.
        let twin = format!("/v1/volunteers/{}", id_in(&twin, "id"));
        other.patch(&twin, &json!({"org_unit_id": seeded_unit(DA_NANG)})).if_match("*").await
            .faults(422, &[("/org_unit_id", "reference_not_found")]);
        other.patch(&twin, &json!({"org_unit_id": centre()})).if_match("*").await.problem(403, "forbidden");
        // Who coordinates here and only reads there, reads names there.
        let both = t.user(Role::Coordinator, seeded_unit(HA_NOI)).await;
        t.grant(&both, Role::Viewer, seeded_unit(DA_NANG), None).await;
        assert_eq!(both.get(&path).await.ok(200)["masked"], true);
        both.get(&format!("{path}/personal-data")).await.problem(403, "forbidden");
        both.patch(&path, &json!({"can_teach": false})).if_match("*").await.problem(403, "forbidden");
    }

    async fn the_same_number_however_written_is_told_as_a_likely_duplicate(t: &T) {
        let first = t.admin.post("/v1/volunteers", &new_volunteer(seeded_unit(HA_NOI))).await.ok(201);
        let mut body = new_volunteer(seeded_unit(HA_NOI));
        body["phone"] = json!("+84 912.345.678");
        body["email"] = Value::Null;
        let second = t.admin.post("/v1/volunteers", &body).await.ok(201);
        assert_eq!(second["duplicate_ids"], json!([first["id"]]));
        body["phone"] = Value::Null;
        body["email"] = json!("DAO.Nguyen@example.org");
        let third = t.admin.post("/v1/volunteers", &body).await.ok(201);
        assert_eq!(third["duplicate_ids"], json!([first["id"]]));
        let again = t.admin.get(&format!("/v1/volunteers/{}", id_in(&first, "id"))).await.ok(200);
        assert_eq!(again["duplicate_ids"], json!([second["id"], third["id"]]));
    }

    async fn a_retry_finds_what_it_made_and_what_is_stored_for_it_tells_no_contacts(t: &T) {
        let mut body = new_volunteer(seeded_unit(HA_NOI));
        body["id"] = json!(Uuid::now_v7());
        let made = t.admin.post("/v1/volunteers", &body).key("mot").await.ok(201);
        assert_eq!(made["phone"], body["phone"]);
        let replay = t.admin.post("/v1/volunteers", &body).key("mot").await;
        assert_eq!((replay.header("idempotency-replayed"), &replay.ok(201)["masked"]), (Some("true"), &json!(true)));
        assert_eq!(t.admin.post("/v1/volunteers", &body).await.ok(200), made);
        body["phone"] = json!("0900000000");
        t.admin.post("/v1/volunteers", &body).await.problem(409, "id_already_used");
        t.admin.post("/v1/volunteers", &body).key("mot").await.problem(422, "idempotency_key_reused");
        let stored: Vec<String> = crate::harness::values(t.store.read(), "SELECT body FROM idempotency_key").await;
        assert!(stored.len() == 1 && HIDDEN.iter().all(|word| !stored[0].contains(word)), "{stored:?}");
    }

    async fn an_export_has_everything_and_says_who_read_it(t: &T) {
        let made = t.admin.post("/v1/volunteers", &minor()).await.ok(201);
        let (id, path) = (id_in(&made, "id"), format!("/v1/volunteers/{}/personal-data", id_in(&made, "id")));
        let team = t.team(seeded_unit(HA_NOI)).await;
        let member = t.member(&team, id, "member").await;
        t.admin.get(&format!("/v1/volunteers/{id}")).await.ok(200);
        let answer = t.admin.get(&path).await;
        let export = answer.ok(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        for (field, value) in minor().as_object().unwrap() {
            assert_eq!(&export["volunteer"][field], value, "{field}");
        }
        assert_eq!(export["memberships"], json!([{"team_id": team["id"], "role": "member",
            "joined_on": member["joined_on"], "left_on": null}]));
        let read: Vec<_> = export["readings"].as_array().unwrap().iter().map(|r| r["action"].as_str().unwrap()).collect();
        assert_eq!(read, ["get_volunteer_personal_data", "get_volunteer", "create_volunteer"]);
    }

    async fn an_erased_volunteer_is_nowhere_any_more_and_is_still_counted(t: &T) {
        let mut body = minor();
        body["id"] = json!(Uuid::now_v7());
        let made = t.admin.post("/v1/volunteers", &body).key("mot").await.ok(201);
        let (id, path) = (id_in(&made, "id"), format!("/v1/volunteers/{}", id_in(&made, "id")));
        let team = t.team(seeded_unit(HA_NOI)).await;
        let member = t.member(&team, id, "leader").await;
        t.admin.patch(&path, &json!({"institution": "Trường Chu Văn An"})).if_match("*").await.ok(200);

        let reason = |text: &str| json!({"reason": text});
        t.admin.post(&format!("{path}/erasure"), &json!({})).if_match("*").await.faults(422, &[("/reason", "required")]);
        for telling in ["Chị nguyen thi dao yêu cầu", "số +84 912.345.678", "DAO.nguyen@example.org", "ông Trần Văn Bình gọi", "0987 654 321"] {
            t.admin.post(&format!("{path}/erasure"), &reason(telling)).if_match("*").await
                .faults(422, &[("/reason", "personal_data_in_text")]);
        }
        t.admin.post(&format!("{path}/erasure"), &reason("Theo yêu cầu")).if_match("\"1\"").await.problem(412, "stale_version");
        let erased = t.admin.post(&format!("{path}/erasure"), &reason("Theo yêu cầu")).key("hai").if_match("\"2\"").await.ok(200);
        let name = format!("TNV-{}", &id.simple().to_string().to_uppercase()[20..]);
        assert_eq!((&erased["full_name"], &erased["erasure_reason"]), (&json!(name), &json!("Theo yêu cầu")));
        assert_eq!((&erased["occupation"], &erased["org_unit_id"]), (&json!("pupil"), &body["org_unit_id"]));
        assert_eq!((&erased["allowed_actions"], &erased["consent"]["purposes"]), (&json!(["read_personal_data"]), &json!([])));
        for field in ["phone", "email", "birth_date", "sex", "institution"] {
            assert_eq!(erased[field], Value::Null, "{field}");
        }
        // Again, whatever version is named: the same.
        let again = t.admin.post(&format!("{path}/erasure"), &reason("khác")).if_match("\"1\"").await.ok(200);
        assert_eq!(again, erased);
        assert_eq!(t.admin.act(&format!("{path}/withdraw")).await.ok(200), erased);
        t.admin.patch(&path, &json!({"can_teach": true})).if_match("*").await.problem(409, "volunteer_erased");
        let export = t.admin.get(&format!("{path}/personal-data")).await;
        assert_eq!((&export.ok(200)["volunteer"]["phone"], &export.ok(200)["memberships"][0]["role"]), (&Value::Null, &json!("leader")));
        let left = t.admin.get(&format!("/v1/teams/{}/members/{}", id_in(&team, "id"), id_in(&member, "id"))).await.ok(200);
        assert_eq!(left["left_on"], "2024-07-15");
        assert_eq!(t.admin.get("/v1/volunteers?include_total=true").await.ok(200)["total"], 1);
        // The id stays taken: the request that made them doesn't bring them back.
        t.admin.post("/v1/volunteers", &body).await.problem(409, "id_already_used");

        let telling = ["0912 345 678", "912345678", "dao.nguyen", "Đào", "nguyen thi dao", "Bách khoa", "Chu Văn An",
            "2007-01-01", "Bình", "0987654321"];
        for (table, text) in everything(t).await {
            for word in telling {
                let hex: String = word.bytes().map(|b| format!("{b:02x}")).collect();
                assert!(!text.contains(word) && !text.to_lowercase().contains(&hex), "`{word}` in {table}: {text}");
            }
        }
        for answer in ["/v1/volunteers", "/v1/volunteers?q=dao", "/v1/audit-log"] {
            let answer = t.admin.get(answer).await;
            assert!(telling.iter().all(|word| !answer.text().contains(word)), "{}", answer.text());
        }
    }

    async fn whoever_withdraws_their_consent_is_forgotten(t: &T) {
        let made = t.admin.post("/v1/volunteers", &new_volunteer(seeded_unit(HA_NOI))).await.ok(201);
        let path = format!("/v1/volunteers/{}", id_in(&made, "id"));
        let gone = t.admin.act(&format!("{path}/withdraw")).if_match("\"1\"").await.ok(200);
        assert_eq!((&gone["erasure_reason"], &gone["phone"]), (&json!("consent withdrawn"), &Value::Null));
        let kept: i64 = crate::harness::value(t.store.read(), "SELECT count(*) FROM personal_data").await;
        assert_eq!(kept, 0);
        let log = t.admin.get(&format!("/v1/audit-log?resource_id={}&action=withdraw_volunteer", id_in(&made, "id"))).await;
        assert_eq!(log.ok(200)["data"].as_array().unwrap().len(), 1);
    }
}

/// Every row of every table that grew since the reference data, as text; of SQLite and PostgreSQL alike.
pub async fn everything(t: &T) -> Vec<(String, String)> {
    use sea_orm::{ConnectionTrait, Statement};
    let conn = t.store.read();
    let engine = conn.get_database_backend();
    let sql = match t.store.engine() {
        "sqlite" => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
        _ => "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'",
    };
    let mut texts = Vec::new();
    for table in crate::harness::values::<String>(conn, sql).await {
        // Names of places, units and the campaign are no volunteer's.
        if ["locality", "locality_successor", "org_unit", "campaign", "indicator"].contains(&table.as_str()) {
            continue;
        }
        let sql = match t.store.engine() {
            "sqlite" => {
                let columns: Vec<String> =
                    crate::harness::values(conn, &format!("SELECT name FROM pragma_table_info('{table}')")).await;
                let all: Vec<_> = columns
                    .iter()
                    .map(|c| format!("CASE typeof(\"{c}\") WHEN 'blob' THEN hex(\"{c}\") ELSE coalesce(CAST(\"{c}\" AS TEXT), '') END"))
                    .collect();
                format!("SELECT {} FROM \"{table}\"", all.join(" || '|' || "))
            }
            _ => format!("SELECT CAST(x AS TEXT) FROM \"{table}\" AS x"),
        };
        let rows = conn.query_all_raw(Statement::from_string(engine, sql)).await.unwrap();
        for row in rows {
            texts.push((table.clone(), row.try_get_by_index::<String>(0).unwrap()));
        }
    }
    assert!(texts.len() > 3, "only {} rows", texts.len());
    texts
}
