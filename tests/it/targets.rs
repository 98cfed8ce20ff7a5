//! Targets down the tree: set from above, revised and never changed, told as they were on any day.

use crate::harness::{
    Caller, Sending, T, id_in, value,
    world::{DA_NANG, HA_NOI, campaign, centre, indicator, seeded_unit},
};
use actix_web::http::Method;
use chrono::{DateTime, Utc};
use sea_orm_migration::MigratorTrait;
use serde_json::{Value, json};
use tinhnguyen_domain::access::Role;
use tinhnguyen_persistence::{Migrator, reference};
use uuid::Uuid;

fn allocations() -> String {
    format!("/v1/indicators/{}/targets", indicator())
}

fn path_of(unit: Uuid) -> String {
    format!("{}/{unit}", allocations())
}

fn put(by: &Caller, unit: Uuid, body: &Value) -> Sending {
    by.send(Method::PUT, &path_of(unit)).json(body)
}

/// A unit's first target.
async fn set(by: &Caller, unit: Uuid, value: i64) -> Value {
    put(by, unit, &json!({"value": value})).await.ok(201)
}

async fn allocation(by: &Caller, query: &str) -> Value {
    by.get(&format!("{}?{query}", allocations())).await.ok(200)
}

fn sums(of: &Value) -> [&Value; 4] {
    ["value", "allocated", "unallocated", "over_allocated"].map(|name| &of[name])
}

fn child<'a>(allocation: &'a Value, code: &str) -> Option<&'a Value> {
    allocation["children"].as_array().unwrap().iter().find(|child| child["org_unit"]["code"] == code)
}

async fn revisions(t: &T) -> i64 {
    value(t.store.read(), "SELECT count(*) FROM target_revision").await
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

both! {
    async fn a_target_is_set_from_above_and_each_revision_stays_with_who_when_and_why(t: &T) {
        let coordinator = t.user(Role::Coordinator, centre()).await;
        let ha_noi = seeded_unit(HA_NOI);
        let path = path_of(ha_noi);
        t.admin.get(&path).await.problem(404, "not_found");
        let made = put(&coordinator, ha_noi, &json!({"value": 300_000})).await;
        let body = made.ok(201);
        assert_eq!((made.header("location"), made.etag().as_str()), (Some(path.as_str()), "\"1\""));
        for (field, expected) in [
            ("indicator_id", json!(indicator())), ("org_unit_id", json!(ha_noi)), ("value", json!(300_000)),
            ("reason", Value::Null), ("set_by", json!(coordinator.user_id)), ("allowed_actions", json!(["edit"])),
        ] {
            assert_eq!(body[field], expected, "{field}");
        }
        assert_eq!(coordinator.get(&path).await.ok(200), body);
        assert_eq!(coordinator.get(&path).header("if-none-match", "\"1\"").await.status, 304);

        let more = json!({"value": 320_000, "reason": "Bổ sung theo số dân."});
        put(&t.admin, ha_noi, &more).await.problem(428, "if_match_required");
        let stale = put(&t.admin, ha_noi, &more).if_match("\"2\"").await.problem(412, "stale_version");
        assert_eq!(stale["current_etag"], "\"1\"");
        put(&t.admin, ha_noi, &json!({"value": 320_000})).if_match("\"1\"").await.faults(422, &[("/reason", "required")]);
        let revised = put(&t.admin, ha_noi, &more).if_match("\"1\"").await;
        let second = revised.ok(200);
        assert_eq!((revised.etag().as_str(), &second["id"], &second["created_at"]), ("\"2\"", &body["id"], &body["created_at"]));
        let third = put(&coordinator, ha_noi, &json!({"value": 310_000, "reason": "Sửa nhầm."})).if_match("*").await.ok(200);
        assert_eq!((&third["version"], &third["value"], &third["set_by"]), (&json!(3), &json!(310_000), &json!(coordinator.user_id)));

        let told = |page: &Value| -> Vec<(i64, i64, Option<String>, String)> {
            let one = |r: &Value| (
                r["version"].as_i64().unwrap(), r["value"].as_i64().unwrap(), r["reason"].as_str().map(ToOwned::to_owned),
                r["set_by"].as_str().unwrap().to_owned(),
            );
            page["data"].as_array().unwrap().iter().map(one).collect()
        };
        let (by, admin) = (coordinator.user_id.to_string(), t.admin.user_id.to_string());
        let all = [
            (3, 310_000, Some("Sửa nhầm.".to_owned()), by.clone()),
            (2, 320_000, Some("Bổ sung theo số dân.".to_owned()), admin),
            (1, 300_000, None, by),
        ];
        let history = format!("{path}/revisions");
        let page = coordinator.get(&format!("{history}?include_total=true")).await.ok(200);
        assert_eq!((told(&page).as_slice(), &page["total"]), (&all[..], &json!(3)));
        assert_eq!((&page["data"][0]["set_at"], &page["data"][2]["set_at"]), (&third["updated_at"], &body["updated_at"]));
        // A page at a time, the other way round too.
        let mut one_by_one = Vec::new();
        let mut next = format!("{history}?limit=1&sort=created_at");
        loop {
            let page = coordinator.get(&next).await.ok(200);
            one_by_one.extend(told(&page));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            next = format!("{history}?limit=1&sort=created_at&cursor={cursor}");
        }
        one_by_one.reverse();
        assert_eq!(one_by_one, all);
        let since = second["updated_at"].as_str().unwrap();
        assert_eq!(told(&coordinator.get(&format!("{history}?updated_since={since}")).await.ok(200)), all[..2]);
        let log = t.admin.get(&format!("/v1/audit-log?resource_id={}", id_in(&body, "id"))).await.ok(200);
        let rows: Vec<_> = log["data"].as_array().unwrap().iter().map(|row| (&row["resource"], &row["action"])).collect();
        assert_eq!(rows, [(&json!("target"), &json!("set_target")); 3]);
    }

    async fn a_put_that_is_sent_again_changes_nothing_and_one_of_somebody_else_does_not_slip_through(t: &T) {
        let unit = seeded_unit(HA_NOI);
        let first = set(&t.admin, unit, 100).await;
        // The answer was lost; the client knows of no version.
        assert_eq!(put(&t.admin, unit, &json!({"value": 100})).await.ok(200), first);
        let coordinator = t.user(Role::Coordinator, centre()).await;
        put(&coordinator, unit, &json!({"value": 100})).await.problem(428, "if_match_required");
        let change = json!({"value": 120, "reason": "Thêm"});
        let second = put(&t.admin, unit, &change).if_match("\"1\"").await.ok(200);
        assert_eq!(put(&t.admin, unit, &change).if_match("\"1\"").await.ok(200), second);
        put(&t.admin, unit, &json!({"value": 120, "reason": "Khác"})).if_match("\"1\"").await.problem(412, "stale_version");
        // Where nothing is, no version is matched (RFC 9110).
        for tag in ["*", "\"1\""] {
            put(&t.admin, seeded_unit(DA_NANG), &json!({"value": 1})).if_match(tag).await.problem(412, "stale_version");
        }
        assert_eq!(revisions(t).await, 3);
    }

    async fn nobody_sets_their_own_target_nor_one_elsewhere(t: &T) {
        let (ha_noi, da_nang) = (seeded_unit(HA_NOI), seeded_unit(DA_NANG));
        let ward = t.commune(ha_noi, "XD-TRONG").await;
        let away = t.commune(da_nang, "XD-NGOAI").await;
        set(&t.admin, ha_noi, 1_000).await;
        set(&t.admin, da_nang, 500).await;
        let own = json!({"value": 10, "reason": "Ít thôi"});
        for role in [Role::Administrator, Role::Coordinator] {
            let provincial = t.user(role, ha_noi).await;
            let problem = put(&provincial, ha_noi, &own).if_match("*").header("accept-language", "en").await.problem(403, "forbidden");
            assert!(problem["detail"].as_str().unwrap().contains("directly above"), "{problem}");
            assert_eq!(provincial.get(&path_of(ha_noi)).await.ok(200)["allowed_actions"], json!([]));
            put(&provincial, centre(), &own).if_match("*").await.problem(403, "forbidden");
            for other in [da_nang, away, Uuid::now_v7()] {
                put(&provincial, other, &own).if_match("*").await.problem(404, "not_found");
                provincial.get(&path_of(other)).await.problem(404, "not_found");
                provincial.get(&format!("{}/revisions", path_of(other))).await.problem(404, "not_found");
                provincial.get(&format!("{}?org_unit_id={other}", allocations())).await.problem(404, "not_found");
            }
            // The centre's allocation is not theirs to read, nor others' in it.
            provincial.get(&format!("{}?org_unit_id={}", allocations(), centre())).await.problem(403, "forbidden");
            provincial.get(&path_of(centre())).await.problem(403, "forbidden");
            // By default their own unit; its wards are theirs to set.
            let shown = allocation(&provincial, "").await;
            assert_eq!((&shown["org_unit"]["code"], &shown["allowed_actions"]), (&json!(HA_NOI), &json!(["allocate"])));
        }
        let coordinator = t.user(Role::Coordinator, ha_noi).await;
        set(&coordinator, ward, 100).await;
        let of_ward = t.user(Role::Administrator, ward).await;
        put(&of_ward, ward, &own).if_match("\"1\"").await.problem(403, "forbidden");
        put(&of_ward, ha_noi, &own).if_match("\"1\"").await.problem(403, "forbidden");
        for role in [Role::Verifier, Role::Viewer, Role::Inspector, Role::Guide, Role::TeamLeader] {
            let other = t.user(role, centre()).await;
            put(&other, ha_noi, &own).if_match("*").await.problem(403, "forbidden");
            assert_eq!(allocation(&other, "").await["allowed_actions"], json!([]));
        }
        // The centre's own is the indicator's: a coordinator sets no indicators.
        let national = t.user(Role::Coordinator, centre()).await;
        put(&national, centre(), &own).if_match("*").await.problem(403, "forbidden");
        put(&national, ha_noi, &own).if_match("\"1\"").await.ok(200);
        let nothing = format!("/v1/indicators/{}/targets", Uuid::now_v7());
        t.admin.get(&nothing).await.problem(404, "not_found");
        t.admin.send(Method::PUT, &format!("{nothing}/{ha_noi}")).json(&json!({"value": 1})).await.problem(404, "not_found");
    }

    async fn the_centres_target_is_the_indicators_own_whichever_is_changed(t: &T) {
        let (of_indicator, of_centre) = (format!("/v1/indicators/{}", indicator()), path_of(centre()));
        let agree = async |value: i64, version: i64| {
            let (one, other) = (t.admin.get(&of_indicator).await.ok(200), t.admin.get(&of_centre).await.ok(200));
            assert_eq!((&one["target_value"], &other["value"]), (&json!(value), &json!(value)));
            assert_eq!(other["version"], version);
            assert_eq!(t.admin.get("/v1/progress").await.ok(200)["target"], value);
            other
        };
        let seeded = agree(6_000_000, 1).await;
        assert_eq!((&seeded["set_by"], &seeded["allowed_actions"]), (&Value::Null, &json!(["edit"])));
        put(&t.admin, centre(), &json!({"value": 7_000_000, "reason": "Vượt"})).if_match("\"1\"").await.ok(200);
        agree(7_000_000, 2).await;
        assert_eq!(t.admin.get(&of_indicator).await.ok(200)["version"], 2);
        let patch = json!({"target_value": 6_500_000, "reason": "Theo kế hoạch mới"});
        t.admin.patch(&of_indicator, &patch).if_match("\"2\"").await.ok(200);
        let third = agree(6_500_000, 3).await;
        assert_eq!((&third["reason"], &third["set_by"]), (&patch["reason"], &json!(t.admin.user_id)));
        // What says nothing new makes no revision.
        t.admin.patch(&of_indicator, &json!({"target_value": 6_500_000, "name": "Tên mới"})).if_match("\"3\"").await.ok(200);
        t.admin.patch(&of_indicator, &json!({"unit": "lượt"})).if_match("\"4\"").await.ok(200);
        agree(6_500_000, 3).await;
        t.admin.patch(&of_indicator, &json!({"target_value": 1})).if_match("\"4\"").await.problem(412, "stale_version");
        put(&t.admin, centre(), &json!({"value": 1})).if_match("\"3\"").await.faults(422, &[("/reason", "required")]);
        agree(6_500_000, 3).await;

        let new = json!({"campaign_id": campaign(), "name": "Lớp", "unit": "lớp", "measure": "classes", "target_value": 9});
        let new = t.admin.post("/v1/indicators", &new).await.ok(201);
        let first = t.admin.get(&format!("/v1/indicators/{}/targets/{}", id_in(&new, "id"), centre())).await.ok(200);
        assert_eq!((&first["value"], &first["version"], &first["set_by"]), (&json!(9), &json!(1), &json!(t.admin.user_id)));
    }

    async fn an_indicator_of_before_has_its_target_as_the_centres_after_the_migration(t: &T) {
        let after = Migrator::migrations().iter().rev().position(|m| m.name() == "m24_targets").unwrap();
        t.store.migrate_down(u32::try_from(after + 1).unwrap()).await.unwrap();
        t.sql("UPDATE indicator SET target_value = 6100000").await;
        t.store.migrate().await.unwrap();
        let target = t.admin.get(&path_of(centre())).await.ok(200);
        let stands = (&target["value"], &target["version"], &target["set_by"], &target["id"]);
        assert_eq!(stands, (&json!(6_100_000), &json!(1), &Value::Null, &json!(indicator())));
        assert_eq!(target["created_at"], t.admin.get(&format!("/v1/indicators/{}", indicator())).await.ok(200)["created_at"]);
        put(&t.admin, centre(), &json!({"value": 1, "reason": "Thử"})).if_match("\"1\"").await.ok(200);
        assert_eq!(revisions(t).await, 2);
    }

    async fn the_sums_say_what_nobody_has_yet_and_what_is_too_much(t: &T) {
        let empty = allocation(&t.admin, "").await;
        assert_eq!(sums(&empty), [&json!(6_000_000), &json!(0), &json!(6_000_000), &json!(0)]);
        assert_eq!((&empty["org_unit"]["code"], &empty["additive"], &empty["as_of"]), (&json!(reference::CENTRE), &json!(true), &json!("2024-07-15")));
        // 63 provinces and four unions; the support centre has no teams. By code.
        let codes: Vec<&str> = empty["children"].as_array().unwrap().iter().map(|c| c["org_unit"]["code"].as_str().unwrap()).collect();
        assert_eq!((codes.len(), codes.contains(&reference::SUPPORT_CENTRE), codes.is_sorted()), (67, false, true));
        assert_eq!(sums(child(&empty, HA_NOI).unwrap()), [&Value::Null, &json!(0), &Value::Null, &Value::Null], "not set is not zero");

        let ha_noi = seeded_unit(HA_NOI);
        let wards = [t.commune(ha_noi, "XD-A").await, t.commune(ha_noi, "XD-B").await];
        set(&t.admin, ha_noi, 4_000_000).await;
        set(&t.admin, wards[0], 3_000_000).await;
        let shown = allocation(&t.admin, "").await;
        assert_eq!(sums(&shown), [&json!(6_000_000), &json!(4_000_000), &json!(2_000_000), &json!(0)]);
        let of_ha_noi = child(&shown, HA_NOI).unwrap();
        assert_eq!(sums(of_ha_noi), [&json!(4_000_000), &json!(3_000_000), &json!(1_000_000), &json!(0)]);
        assert_eq!((&of_ha_noi["version"], &of_ha_noi["set_by"]), (&json!(1), &json!(t.admin.user_id)));
        // Stretch is allowed at every level, and seen.
        set(&t.admin, wards[1], 1_500_000).await;
        set(&t.admin, seeded_unit(DA_NANG), 2_500_000).await;
        let shown = allocation(&t.admin, "").await;
        assert_eq!(sums(&shown), [&json!(6_000_000), &json!(6_500_000), &json!(0), &json!(500_000)]);
        let own = allocation(&t.admin, &format!("org_unit_id={ha_noi}")).await;
        assert_eq!(sums(&own), [&json!(4_000_000), &json!(4_500_000), &json!(0), &json!(500_000)]);
        for field in ["value", "allocated", "unallocated", "over_allocated", "version", "set_at", "org_unit"] {
            assert_eq!(own[field], child(&shown, HA_NOI).unwrap()[field], "{field}");
        }
        assert_eq!(sums(child(&own, "XD-B").unwrap()), [&json!(1_500_000), &json!(0), &json!(1_500_000), &json!(0)]);
        // Nothing of zero is left.
        put(&t.admin, wards[1], &json!({"value": 0, "reason": "Không giao"})).if_match("\"1\"").await.ok(200);
        assert_eq!(child(&allocation(&t.admin, &format!("org_unit_id={ha_noi}")).await, "XD-B").unwrap()["value"], 0);
        let etag = t.admin.get(&allocations()).await.etag();
        assert_eq!(t.admin.get(&allocations()).header("if-none-match", etag).await.status, 304);
    }

    async fn what_was_in_force_on_a_day_is_told_by_the_campaigns_days(t: &T) {
        let unit = seeded_unit(HA_NOI);
        let at = |text: &str| {
            t.clock.set(instant(text));
            t.admin.clone().with_a_new_token()
        };
        let value_on = async |by: &Caller, day: &str| child(&allocation(by, &format!("as_of={day}")).await, HA_NOI).unwrap()["value"].clone();
        // 16:59 UTC is still the 10th in Viet Nam, 17:30 is the 11th.
        let admin = at("2024-07-10T16:59:59.999999Z");
        set(&admin, unit, 100).await;
        admin.get(&format!("{}?as_of=2024-07-11", allocations())).await.faults(400, &[("as_of", "in_the_future")]);
        let admin = at("2024-07-10T17:30:00Z");
        put(&admin, unit, &json!({"value": 200, "reason": "Thêm"})).if_match("\"1\"").await.ok(200);
        put(&admin, centre(), &json!({"value": 5_000_000, "reason": "Bớt"})).if_match("\"1\"").await.ok(200);
        assert_eq!(value_on(&admin, "2024-07-11").await, 200);
        let admin = at("2024-07-12T03:00:00Z");
        put(&admin, unit, &json!({"value": 300, "reason": "Thêm nữa"})).if_match("\"2\"").await.ok(200);
        put(&admin, unit, &json!({"value": 301, "reason": "Sửa"})).if_match("\"3\"").await.ok(200);
        for (day, expected) in [
            ("2024-07-09", Value::Null), ("2024-07-10", json!(100)), ("2024-07-11", json!(200)), ("2024-07-12", json!(301)),
        ] {
            assert_eq!(value_on(&admin, day).await, expected, "{day}");
        }
        let national = async |day: &str| {
            let shown = allocation(&admin, &format!("as_of={day}")).await;
            (shown["value"].clone(), shown["allocated"].clone(), shown["as_of"].clone())
        };
        assert_eq!(national("2024-07-10").await, (json!(6_000_000), json!(100), json!("2024-07-10")));
        assert_eq!(national("2024-07-11").await, (json!(5_000_000), json!(200), json!("2024-07-11")));
        // A clock that was set back puts no later revision before an earlier one.
        let admin = at("2024-07-12T01:00:00Z");
        let last = put(&admin, unit, &json!({"value": 50, "reason": "Đồng hồ lùi"})).if_match("\"4\"").await.ok(200);
        assert_eq!(value_on(&admin, "2024-07-12").await, 50);
        assert_eq!(admin.get(&path_of(unit)).await.ok(200), last);
        let page = admin.get(&format!("{}/revisions", path_of(unit))).await.ok(200);
        let versions: Vec<_> = page["data"].as_array().unwrap().iter().map(|r| r["version"].as_i64().unwrap()).collect();
        assert_eq!(versions, [5, 4, 3, 2, 1]);
    }

    async fn a_unit_counts_in_the_allocation_as_long_as_it_exists(t: &T) {
        let ha_noi = seeded_unit(HA_NOI);
        let (ends, begins) = (t.commune(ha_noi, "XD-CU").await, t.commune(ha_noi, "XD-MOI").await);
        set(&t.admin, ends, 100).await;
        let path = format!("/v1/org-units/{ends}");
        t.admin.patch(&path, &json!({"valid_to": "2024-07-15"})).if_match("*").await.ok(200);
        t.sql("UPDATE org_unit SET valid_from = '2024-07-16' WHERE code = 'XD-MOI'").await;
        put(&t.admin, begins, &json!({"value": 1})).await.problem(422, "org_unit_not_valid");
        let query = format!("org_unit_id={ha_noi}");
        let today = allocation(&t.admin, &query).await;
        assert_eq!((child(&today, "XD-CU").map(|c| &c["value"]), child(&today, "XD-MOI")), (Some(&json!(100)), None));
        t.clock.set(instant("2024-07-15T17:00:00Z"));
        let admin = t.admin.clone().with_a_new_token();
        put(&admin, ends, &json!({"value": 2, "reason": "Muộn"})).if_match("*").await.problem(422, "org_unit_not_valid");
        set(&admin, begins, 70).await;
        let tomorrow = allocation(&admin, &query).await;
        assert_eq!((child(&tomorrow, "XD-CU"), &tomorrow["allocated"]), (None, &json!(70)));
        assert_eq!(allocation(&admin, &format!("{query}&as_of=2024-07-15")).await["allocated"], 100);
        let support = seeded_unit(reference::SUPPORT_CENTRE);
        put(&admin, support, &json!({"value": 1})).await.problem(422, "takes_no_target");
    }

    async fn values_beyond_reason_are_refused_and_nothing_is_kept(t: &T) {
        let unit = seeded_unit(HA_NOI);
        for (body, expected) in [
            (json!({"value": -1}), ("/value", "out_of_range")),
            (json!({"value": 1_000_000_000_001_i64}), ("/value", "out_of_range")),
            (json!({"value": 1.5}), ("/value", "wrong_type")),
            (json!({"value": null}), ("/value", "wrong_type")),
            (json!({}), ("/value", "required")),
            (json!({"value": 1, "reason": " "}), ("/reason", "bad_format")),
            (json!({"value": 1, "reason": "x".repeat(2_001)}), ("/reason", "too_long")),
            (json!({"value": 1, "set_by": Uuid::now_v7()}), ("/set_by", "unknown_field")),
        ] {
            put(&t.admin, unit, &body).await.faults(422, &[expected]);
        }
        t.admin.get(&format!("{}?as_of=yesterday", allocations())).await.faults(400, &[("as_of", "bad_format")]);
        t.admin.get(&format!("{}?day=2024-07-01", allocations())).await.faults(400, &[("day", "unknown_parameter")]);
        put(&t.admin, unit, &json!({"value": 1_000_000_000_000_i64})).await.ok(201);
        assert_eq!(revisions(t).await, 2);
    }

    async fn an_indicator_that_does_not_add_up_has_targets_and_no_sums(t: &T) {
        let indicators = t.admin.get("/v1/indicators").await.ok(200);
        assert_eq!(indicators["data"][0]["additive"], true);
        let new = json!({"campaign_id": campaign(), "name": "Đội viên", "unit": "người", "measure": "members", "target_value": 50_000});
        let made = t.admin.post("/v1/indicators", &new).await.ok(201);
        assert_eq!(made["additive"], false);
        let base = format!("/v1/indicators/{}/targets", id_in(&made, "id"));
        let unit = seeded_unit(HA_NOI);
        t.admin.send(Method::PUT, &format!("{base}/{unit}")).json(&json!({"value": 3_000})).await.ok(201);
        let shown = t.admin.get(&base).await.ok(200);
        assert_eq!((&shown["additive"], sums(&shown)), (&json!(false), [&json!(50_000), &Value::Null, &Value::Null, &Value::Null]));
        assert_eq!(sums(child(&shown, HA_NOI).unwrap()), [&json!(3_000), &Value::Null, &Value::Null, &Value::Null]);
        let split = json!({"org_unit_id": centre(), "weights": [{"org_unit_id": unit, "weight": 1}]});
        let problem = t.admin.post(&format!("{base}/suggestion"), &split).await.problem(422, "not_additive");
        assert_eq!(problem["measure"], "members");
    }

    async fn many_are_set_at_once_or_none_and_the_answer_shows_the_sums(t: &T) {
        let (ha_noi, da_nang) = (seeded_unit(HA_NOI), seeded_unit(DA_NANG));
        let bulk = format!("{}/bulk", allocations());
        let ward = t.commune(ha_noi, "XD-CHAU").await;
        let body = |targets: Value| json!({"org_unit_id": centre(), "targets": targets});
        let both = body(json!([{"org_unit_id": ha_noi, "value": 4_000_000}, {"org_unit_id": da_nang, "value": 3_000_000}]));
        let rehearsed = t.admin.post(&format!("{bulk}?dry_run=true"), &both).await;
        let sums_of = |answer: &Value| sums(answer).map(Clone::clone);
        let expected = [json!(6_000_000), json!(7_000_000), json!(0), json!(1_000_000)];
        assert_eq!((rehearsed.header("dry-run"), sums_of(&rehearsed.ok(200))), (Some("true"), expected.clone()));
        assert_eq!(revisions(t).await, 1);
        let set = t.admin.post(&bulk, &both).key("phan-bo").await.ok(200);
        assert_eq!(sums_of(&set), expected);
        assert_eq!(set, allocation(&t.admin, "").await, "as the allocation shows it");
        // Sent again, under its key and without one, it does nothing.
        let again = t.admin.post(&bulk, &both).key("phan-bo").await;
        assert_eq!((again.header("idempotency-replayed"), again.ok(200)), (Some("true"), set.clone()));
        assert_eq!(t.admin.post(&bulk, &both).await.ok(200), set);
        assert_eq!(revisions(t).await, 3);

        // All that is wrong at once, and nothing of the rest is kept.
        let support = seeded_unit(reference::SUPPORT_CENTRE);
        let wrong = body(json!([
            {"org_unit_id": ha_noi, "value": 1},
            {"org_unit_id": da_nang, "value": 1, "version": 2},
            {"org_unit_id": seeded_unit("TD-79"), "value": 1, "version": 1},
            {"org_unit_id": seeded_unit("TD-31"), "value": 5},
            {"org_unit_id": ward, "value": 1},
            {"org_unit_id": centre(), "value": 1},
            {"org_unit_id": support, "value": 1},
            {"org_unit_id": seeded_unit("TD-31"), "value": 6},
        ]));
        t.admin.post(&bulk, &wrong).await.faults(422, &[
            ("/targets/0/version", "required"), ("/targets/1/version", "stale_version"), ("/targets/2/version", "stale_version"),
            ("/targets/4/org_unit_id", "reference_not_found"), ("/targets/5/org_unit_id", "reference_not_found"),
            ("/targets/6/org_unit_id", "takes_no_target"), ("/targets/7/org_unit_id", "not_unique"), ("/reason", "required"),
        ]);
        let mut stale = body(json!([{"org_unit_id": ha_noi, "value": 1, "version": 2}]));
        stale["reason"] = json!("Bớt");
        t.admin.post(&bulk, &stale).await.problem(412, "stale_version");
        assert_eq!(revisions(t).await, 3);
        let mut right = body(json!([
            {"org_unit_id": ha_noi, "value": 2_500_000, "version": 1},
            {"org_unit_id": da_nang, "value": 3_000_000, "version": 9},
            {"org_unit_id": seeded_unit("TD-31"), "value": 5},
        ]));
        right["reason"] = json!("Phân bổ lại");
        let set = t.admin.post(&bulk, &right).await.ok(200);
        assert_eq!(sums(&set), [&json!(6_000_000), &json!(5_500_005), &json!(499_995), &json!(0)]);
        let of = |code: &str| (child(&set, code).unwrap()["version"].clone(), child(&set, code).unwrap()["reason"].clone());
        assert_eq!((of(HA_NOI), of(DA_NANG)), ((json!(2), json!("Phân bổ lại")), (json!(1), Value::Null)));
        assert_eq!(revisions(t).await, 5);

        let provincial = t.user(Role::Coordinator, ha_noi).await;
        provincial.post(&bulk, &both).await.problem(403, "forbidden");
        let elsewhere = json!({"org_unit_id": da_nang, "targets": [{"org_unit_id": ward, "value": 1}]});
        provincial.post(&bulk, &elsewhere).await.faults(422, &[("/org_unit_id", "reference_not_found")]);
        let own = json!({"org_unit_id": ha_noi, "targets": [{"org_unit_id": ward, "value": 7}]});
        assert_eq!(provincial.post(&bulk, &own).await.ok(200)["allocated"], 7);
        for (targets, expected) in [
            (json!([]), ("/targets", "too_few")),
            (json!([{"org_unit_id": ward, "value": -1}]), ("/targets/0/value", "out_of_range")),
            (json!(vec![json!({"org_unit_id": ward, "value": 1}); 1_001]), ("/targets", "too_many")),
        ] {
            t.admin.post(&bulk, &body(targets)).await.faults(422, &[expected]);
        }
    }

    async fn a_suggestion_adds_up_exactly_follows_the_weights_and_keeps_nothing(t: &T) {
        let suggestion = format!("{}/suggestion", allocations());
        let named = ["TD-01", "TD-79", "TD-31", "TD-48", "TW-QD"];
        let ask = |weights: [i64; 5]| {
            let weights: Vec<_> = named.iter().zip(weights).map(|(code, w)| json!({"org_unit_id": seeded_unit(code), "weight": w})).collect();
            json!({"org_unit_id": centre(), "weights": weights})
        };
        let parts = |answer: &Value| -> Vec<i64> {
            answer["targets"].as_array().unwrap().iter().map(|one| one["value"].as_i64().unwrap()).collect()
        };
        let by_population = t.admin.post(&suggestion, &ask([8_435_700, 9_389_700, 2_088_000, 1_220_200, 0])).await.ok(200);
        assert_eq!(parts(&by_population), [2_394_963, 2_665_812, 592_800, 346_425, 0]);
        assert_eq!((parts(&by_population).iter().sum::<i64>(), &by_population["total"]), (6_000_000, &json!(6_000_000)));
        assert_eq!(by_population["targets"][4]["value"], 0);
        assert_eq!((&by_population["targets"][1]["code"], &by_population["targets"][1]["weight"]), (&json!("TD-79"), &json!(9_389_700)));

        let mut small = ask([1, 1, 1, 1, 0]);
        small["total"] = json!(6);
        // Of equal remainders the lower code comes first: TD-01, then TD-31.
        assert_eq!(parts(&t.admin.post(&suggestion, &small).await.ok(200)), [2, 1, 2, 1, 0]);
        small["total"] = json!(0);
        assert_eq!(parts(&t.admin.post(&suggestion, &small).await.ok(200)), [0; 5]);
        t.admin.post(&suggestion, &ask([0; 5])).await.faults(422, &[("/weights", "out_of_range")]);
        let mut wrong = ask([1, 2, 3, 4, -5]);
        t.admin.post(&suggestion, &wrong).await.faults(422, &[("/weights/4/weight", "out_of_range")]);
        wrong = ask([1, 2, 3, 4, 5]);
        wrong["weights"][1]["org_unit_id"] = json!(Uuid::now_v7());
        wrong["weights"][3]["org_unit_id"] = json!(seeded_unit("TD-31"));
        t.admin.post(&suggestion, &wrong).await.faults(422, &[
            ("/weights/1/org_unit_id", "reference_not_found"), ("/weights/3/org_unit_id", "not_unique"),
        ]);
        assert_eq!(revisions(t).await, 1, "nothing is kept");

        // A province splits its own, when it has one.
        let ha_noi = seeded_unit(HA_NOI);
        let wards = [t.commune(ha_noi, "XD-1").await, t.commune(ha_noi, "XD-2").await];
        let coordinator = t.user(Role::Coordinator, ha_noi).await;
        let weights = json!([{"org_unit_id": wards[0], "weight": 2}, {"org_unit_id": wards[1], "weight": 1}]);
        let own = json!({"org_unit_id": ha_noi, "weights": weights});
        coordinator.post(&suggestion, &own).await.faults(422, &[("/total", "required")]);
        set(&t.admin, ha_noi, 100).await;
        set(&coordinator, wards[1], 5).await;
        let answer = coordinator.post(&suggestion, &own).await.ok(200);
        assert_eq!((parts(&answer), &answer["total"]), (vec![67, 33], &json!(100)));
        assert_eq!((&answer["targets"][0]["version"], &answer["targets"][1]["version"]), (&Value::Null, &json!(1)));
        coordinator.post(&suggestion, &ask([1; 5])).await.problem(403, "forbidden");
        // What it suggests is taken as it stands.
        let targets: Vec<Value> = answer["targets"].as_array().unwrap().iter().map(|one| {
            json!({"org_unit_id": one["org_unit_id"], "value": one["value"], "version": one["version"]})
        }).collect();
        let taken = json!({"org_unit_id": ha_noi, "targets": targets, "reason": "Theo số dân"});
        let taken = coordinator.post(&format!("{}/bulk", allocations()), &taken).await.ok(200);
        assert_eq!(sums(&taken), [&json!(100), &json!(100), &json!(0), &json!(0)]);
    }

    async fn of_ten_at_once_from_one_version_one_wins_and_of_ten_first_ones_too(t: &T) {
        let unit = seeded_unit(HA_NOI);
        for round in 0..4 {
            let tag = format!("\"{round}\"");
            let sent = (0..10).map(|n| {
                let request = put(&t.admin, unit, &json!({"value": 100 * round + n, "reason": format!("Lần {round}.{n}")}));
                let request = if round == 0 { request } else { request.if_match(&tag) };
                request.into_future()
            });
            let answers = futures_util::future::join_all(sent).await;
            let winners: Vec<_> = answers.iter().filter(|a| a.status < 300).collect();
            assert_eq!(winners.len(), 1, "round {round}");
            assert_eq!(winners[0].status, if round == 0 { 201 } else { 200 });
            for loser in answers.iter().filter(|a| a.status >= 300) {
                if round == 0 { loser.problem(428, "if_match_required") } else { loser.problem(412, "stale_version") };
            }
            assert_eq!(t.admin.get(&path_of(unit)).await.ok(200)["value"], winners[0].json()["value"]);
        }
        assert_eq!(revisions(t).await, 5);
        // Whatever comes together, indicator and centre agree.
        let sent = (0..6).map(|n| {
            let reason = format!("Lần {n}");
            if n % 2 == 0 {
                put(&t.admin, centre(), &json!({"value": n, "reason": reason})).if_match("*").into_future()
            } else {
                let path = format!("/v1/indicators/{}", indicator());
                t.admin.patch(&path, &json!({"target_value": n, "reason": reason})).if_match("*").into_future()
            }
        });
        for answer in futures_util::future::join_all(sent).await {
            assert!(matches!(answer.status, 200 | 412), "{}", answer.text());
        }
        let (one, other) = (t.admin.get(&format!("/v1/indicators/{}", indicator())).await, t.admin.get(&path_of(centre())).await);
        assert_eq!(one.ok(200)["target_value"], other.ok(200)["value"]);
    }

    async fn progress_is_of_each_units_own_target(t: &T) {
        let ha_noi = seeded_unit(HA_NOI);
        let ward = t.commune(ha_noi, "XD-TD").await;
        let (team, leader) = t.deployed_team(ward).await;
        let activity = t.activity(&leader, &team).await;
        let first = t.submitted(&leader, &activity, "2024-07-01", 30).await;
        t.submitted(&leader, &activity, "2024-07-02", 20).await;
        t.verifier(ha_noi).await.act(&format!("/v1/results/{}/verify", id_in(&first, "id"))).await.ok(200);
        // The province's own team.
        let (own, of_province) = t.deployed_team(ha_noi).await;
        let other = t.activity(&of_province, &own).await;
        t.submitted(&of_province, &other, "2024-07-03", 10).await;
        let ask = async |query: &str| t.admin.get(&format!("/v1/progress?{query}")).await.ok(200);
        let of_ha_noi = format!("org_unit_id={ha_noi}&group_by=org_unit");
        let before = ask(&of_ha_noi).await;
        assert_eq!([&before["target"], &before["percent"], &before["pace"]], [&Value::Null; 3]);

        let etag = t.admin.get(&format!("/v1/progress?{of_ha_noi}")).await.etag();
        set(&t.admin, ha_noi, 200).await;
        set(&t.admin, ward, 40).await;
        t.admin.get(&format!("/v1/progress?{of_ha_noi}")).header("if-none-match", etag).await.ok(200);
        let shown = ask(&of_ha_noi).await;
        assert_eq!([&shown["target"], &shown["percent"], &shown["verified_percent"]], [&json!(200), &json!(30.0), &json!(15.0)]);
        // 44 days and 10 hours of 92 days.
        assert_eq!(shown["pace"]["expected"], 96);
        let group = |progress: &Value, list: &str, key: &str| {
            let found = progress[list].as_array().unwrap().iter().find(|g| g["key"] == key).unwrap().clone();
            (found["target"].clone(), found["percent"].clone())
        };
        assert_eq!(group(&shown, "groups", "XD-TD"), (json!(40), json!(125.0)));
        assert_eq!(group(&shown, "groups", HA_NOI), (Value::Null, Value::Null), "the whole province's target is not its own team's");
        let by_topic = ask(&format!("org_unit_id={ha_noi}&group_by=topic")).await;
        assert!(by_topic["groups"].as_array().unwrap().iter().all(|g| g.get("target").is_none() && g.get("percent").is_none()));

        let nation = ask("group_by=org_unit").await;
        assert_eq!((&nation["target"], group(&nation, "groups", HA_NOI)), (&json!(6_000_000), (json!(200), json!(30.0))));
        assert_eq!(group(&nation, "groups", DA_NANG), (Value::Null, Value::Null));
        let public = t.stranger.get("/v1/public/progress").await.ok(200);
        assert_eq!(public["provinces"], nation["groups"]);
        for (lang, percent) in [("vi", "30,0% chỉ tiêu giao"), ("en", "30.0% of own target")] {
            let page = t.stranger.get(&format!("/?lang={lang}")).await;
            let text = page.text().replace('\u{a0}', " ");
            assert!(text.contains(percent), "{lang}: {:?}", text.split("Hà Nội").nth(1).map(|s| s.chars().take(400).collect::<String>()));
        }
        // A target of nothing is a target, and nothing is a percentage of it.
        put(&t.admin, ha_noi, &json!({"value": 0, "reason": "Không giao"})).if_match("\"1\"").await.ok(200);
        let zero = ask(&of_ha_noi).await;
        assert_eq!((&zero["target"], &zero["percent"]), (&json!(0), &Value::Null));
    }

    async fn followers_are_told_of_targets_that_they_see(t: &T) {
        let (ha_noi, da_nang) = (seeded_unit(HA_NOI), seeded_unit(DA_NANG));
        let ward = t.commune(ha_noi, "XD-THEO").await;
        let viewer = t.user(Role::Viewer, ha_noi).await;
        let now = async |by: &Caller| by.get("/v1/changes?since=now").await.ok(200)["next_cursor"].as_str().unwrap().to_owned();
        let since = [now(&viewer).await, now(&t.admin).await];
        let one = set(&t.admin, ha_noi, 100).await;
        set(&t.admin, da_nang, 100).await;
        let bulk = json!({"org_unit_id": ha_noi, "targets": [{"org_unit_id": ward, "value": 9}]});
        t.admin.post(&format!("{}/bulk", allocations()), &bulk).await.ok(200);
        let all = viewer.get(&format!("/v1/changes?since={}&include=items", since[0])).await.ok(200);
        let seen: Vec<_> = all["data"].as_array().unwrap().iter().map(|c| (&c["kind"], &c["action"], &c["item"]["org_unit_id"])).collect();
        let kind = json!("target");
        assert_eq!(seen, [(&kind, &json!("set_target"), &json!(ha_noi)), (&kind, &json!("set_targets"), &json!(ward))]);
        assert_eq!(all["data"][0]["item"], viewer.get(&path_of(ha_noi)).await.ok(200));
        assert_eq!((&all["data"][0]["id"], &all["data"][0]["version"]), (&one["id"], &json!(1)));
        let of_admin = t.admin.get(&format!("/v1/changes?since={}", since[1])).await.ok(200);
        assert_eq!(of_admin["data"].as_array().unwrap().len(), 3);
        // The indicator and the centre change together.
        let since = now(&t.admin).await;
        t.admin.patch(&format!("/v1/indicators/{}", indicator()), &json!({"target_value": 5})).if_match("*").await.ok(200);
        put(&t.admin, centre(), &json!({"value": 6, "reason": "Sửa"})).if_match("*").await.ok(200);
        let both = t.admin.get(&format!("/v1/changes?since={since}&include=items")).await.ok(200);
        let seen: Vec<_> = both["data"].as_array().unwrap().iter().map(|c| (c["kind"].as_str().unwrap(), c["version"].as_i64().unwrap())).collect();
        assert_eq!(seen, [("indicator", 3), ("target", 3)]);
    }

    async fn a_rehearsal_sets_nothing(t: &T) {
        let unit = seeded_unit(HA_NOI);
        let dry = format!("{}?dry_run=true", path_of(unit));
        let rehearsed = t.admin.send(Method::PUT, &dry).json(&json!({"value": 5})).await;
        assert_eq!((rehearsed.header("dry-run"), &rehearsed.ok(201)["value"]), (Some("true"), &json!(5)));
        t.admin.get(&path_of(unit)).await.problem(404, "not_found");
        let dry = format!("{}?dry_run=true", path_of(centre()));
        t.admin.send(Method::PUT, &dry).json(&json!({"value": 5, "reason": "Thử"})).if_match("\"1\"").await.ok(200);
        assert_eq!(t.admin.get(&format!("/v1/indicators/{}", indicator())).await.ok(200)["target_value"], 6_000_000);
        assert_eq!(revisions(t).await, 1);
        let rows: i64 = value(t.store.read(), "SELECT count(*) FROM audit_log WHERE resource = 'target'").await;
        assert_eq!(rows, 0);
    }
}
