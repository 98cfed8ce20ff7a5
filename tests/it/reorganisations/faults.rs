//! What a reorganisation is refused for, who may do it, and what a repetition gives.

use super::{DAY, ITEM, PATH, asks, codes, done, id_of, province, unit};
use crate::harness::{
    T, id_in,
    world::{DA_NANG, HA_NOI, centre, place, seeded_unit},
};
use serde_json::json;
use tinhnguyen_domain::access::Role;
use uuid::Uuid;

both! {
    async fn everything_that_is_wrong_is_told_at_once_and_nothing_is_done(t: &T) {
        let (one, other, unknown) = (seeded_unit(HA_NOI), seeded_unit(DA_NANG), Uuid::now_v7());
        let (ward, second) = (unit(t, one, "XD-1", "commune").await, unit(t, one, "XD-2", "commune").await);
        let late = t.commune(one, "XD-LATE").await;
        done(t, json!([{"kind": "close", "from": [second]}])).await;
        let wrong = json!([
            {"kind": "merge", "from": [one, unknown], "into": [one]},
            {"kind": "merge", "from": [second], "into": [late]},
            {"kind": "split", "from": [ward, one], "into": [{"code": HA_NOI, "name": "X", "kind": "district", "parent_id": centre()}],
             "default_into": "không có"},
            {"kind": "move", "from": [centre(), late], "into": [{"name": "Y"}]},
            {"kind": "rename", "from": [other], "into": [{"name": "Z", "code": "TD-Z"}, {"name": "W"}]},
            {"kind": "close", "from": [seeded_unit("TD-79")], "into": [other], "default_into": "TD-48"},
            {"kind": "merge", "from": [seeded_unit("TD-92")], "into": [{"name": "V"}]},
        ]);
        t.admin.post(PATH, &asks(wrong)).await.faults(422, &[
            ("/changes/0/into/0", "unit_ended"),
            ("/changes/0/from/1", "reference_not_found"),
            ("/changes/1/from/0", "unit_ended"),
            ("/changes/1/into/0", "dates_inverted"),
            ("/changes/2/from", "too_many"),
            ("/changes/2/from/1", "not_unique"),
            ("/changes/2/into", "too_few"),
            ("/changes/2/into/0/code", "code_already_used"),
            ("/changes/2/into/0/kind", "kind_not_under_parent"),
            ("/changes/2/default_into", "not_allowed_value"),
            ("/changes/3/from/0", "not_allowed_value"),
            ("/changes/3/from/1", "dates_inverted"),
            ("/changes/3/into/0", "not_allowed_value"),
            ("/changes/4/into", "too_many"),
            ("/changes/4/into/0/code", "unknown_field"),
            ("/changes/5/into", "too_many"),
            ("/changes/5/default_into", "unknown_field"),
            ("/changes/6/into/0/code", "required"),
            ("/changes/6/into/0/kind", "required"),
            ("/changes/6/into/0/parent_id", "required"),
        ]);
        let listed = t.admin.get(PATH).await.ok(200);
        assert_eq!(listed["data"].as_array().unwrap().len(), 1, "only the one before");
        let broken = json!({"effective_on": "hôm nay", "changes": [{"kind": "annex", "from": ["x"], "into": ["y", {"name": "", "size": 3}]}]});
        let answer = t.admin.post(PATH, &broken).await;
        assert_eq!(answer.status, 422);
        for place in ["/effective_on", "/changes/0/kind", "/changes/0/from/0", "/changes/0/into/0", "/changes/0/into/1/size", "/changes/0/into/1/name"] {
            assert!(answer.json()["errors"].as_array().unwrap().iter().any(|fault| fault["pointer"] == place), "{place}: {}", answer.text());
        }
        t.admin.post(PATH, &json!({"effective_on": DAY, "changes": []})).await.faults(422, &[("/changes", "too_few")]);
    }

    async fn what_no_tree_can_hold_is_refused(t: &T) {
        let (one, district) = (seeded_unit(HA_NOI), unit(t, seeded_unit(HA_NOI), "HD-1", "district").await);
        let ward = unit(t, district, "XD-1", "commune").await;
        let affiliated = seeded_unit("TW-QD");
        let tomorrow = json!({"effective_on": "2024-07-16", "changes": [{"kind": "close", "from": [ward]}]});
        t.admin.post(PATH, &tomorrow).await.faults(422, &[("/effective_on", "in_the_future")]);
        for (change, fault) in [
            (json!({"kind": "merge", "from": [district], "into": [ward]}), ("/changes/0/into/0", "tree_circle")),
            (json!({"kind": "close", "from": [district]}), ("/changes/0/from/0", "unit_occupied")),
            (json!({"kind": "move", "from": [ward], "into": [affiliated]}), ("/changes/0/from/0", "kind_not_under_parent")),
            (json!({"kind": "move", "from": [one], "into": [seeded_unit(DA_NANG)]}), ("/changes/0/from/0", "kind_not_under_parent")),
            (json!({"kind": "merge", "from": [ward], "into": [{"code": "Z", "name": "Z", "kind": "central", "parent_id": centre()}]}),
             ("/changes/0/into/0/kind", "kind_not_under_parent")),
            (json!({"kind": "merge", "from": [district], "into": [{"code": "Z", "name": "Z", "kind": "commune", "parent_id": district}]}),
             ("/changes/0/into/0/parent_id", "unit_ended")),
            (json!({"kind": "merge", "from": [ward], "into": [{"code": "Z", "name": "Z", "kind": "commune", "parent_id": one, "locality_id": Uuid::now_v7()}]}),
             ("/changes/0/into/0/locality_id", "reference_not_found")),
        ] {
            t.admin.post(PATH, &asks(json!([change]))).await.faults(422, &[fault]);
        }
        let taken = json!([{"kind": "merge", "from": [ward], "into": [{"code": "HD-1", "name": "Z", "kind": "commune", "parent_id": one}]}]);
        let answer = t.admin.post(PATH, &asks(taken)).await;
        answer.problem(409, "code_already_used");
        answer.faults(409, &[("/changes/0/into/0/code", "code_already_used")]);
        // With what is below it, the district may be closed.
        done(t, json!([{"kind": "close", "from": [district, ward]}])).await;
    }

    async fn one_reorganises_what_lies_within_ones_own_unit(t: &T) {
        let own = seeded_unit(HA_NOI);
        let (ward, second) = (unit(t, own, "XD-1", "commune").await, unit(t, own, "XD-2", "commune").await);
        let foreign = unit(t, seeded_unit(DA_NANG), "XD-9", "commune").await;
        let admin = t.user(Role::Administrator, own).await;
        let merge = |from: Uuid, into: Uuid| asks(json!([{"kind": "merge", "from": [from], "into": [into]}]));
        admin.post(PATH, &merge(ward, foreign)).await.faults(422, &[("/changes/0/into/0", "reference_not_found")]);
        admin.post(PATH, &merge(foreign, ward)).await.faults(422, &[("/changes/0/from/0", "reference_not_found")]);
        let up = asks(json!([{"kind": "merge", "from": [ward], "into": [{"code": "Z", "name": "Z", "kind": "province", "parent_id": centre()}]}]));
        admin.post(PATH, &up).await.problem(403, "forbidden");
        let rename = asks(json!([{"kind": "rename", "from": [centre()], "into": [{"name": "Z"}]}]));
        admin.post(PATH, &rename).await.problem(403, "forbidden");
        // Two rights over two parts are no right over what contains both.
        let both = t.user(Role::Administrator, ward).await;
        t.grant(&both, Role::Administrator, second, None).await;
        both.post(PATH, &merge(ward, second)).await.problem(403, "forbidden");
        for role in [Role::Coordinator, Role::Verifier, Role::Viewer] {
            t.user(role, own).await.post(PATH, &merge(ward, second)).await.problem(403, "forbidden");
        }
        let done = admin.post(PATH, &merge(ward, second)).await.ok(201);
        let path = format!("{ITEM}/{}", id_in(&done, "id"));
        // Who reaches all that was touched is told of it.
        let (beside, above) = (t.user(Role::Viewer, second).await, t.user(Role::Viewer, own).await);
        assert_eq!((beside.get(&path).await.status, above.get(&path).await.status), (404, 200));
        assert_eq!(beside.get(PATH).await.ok(200)["data"], json!([]));
        assert_eq!(above.get(PATH).await.ok(200)["data"].as_array().unwrap().len(), 1);
        t.admin.get(&format!("/v1/locality-reorganisations/{}", id_in(&done, "id"))).await.problem(404, "not_found");
        // What is below a unit that only stands above them is not theirs to see.
        let successors = t.admin.get(&format!("/v1/org-units/{ward}/successors")).await.ok(200);
        assert_eq!(codes(&successors), ["XD-2"]);
        t.user(Role::Viewer, foreign).await.get(&format!("/v1/org-units/{ward}/successors")).await.problem(404, "not_found");
    }

    async fn the_same_request_again_is_the_same_reorganisation(t: &T) {
        let ward = unit(t, seeded_unit(HA_NOI), "XD-1", "commune").await;
        let chosen = Uuid::now_v7();
        let mut asked = asks(json!([{"kind": "merge", "from": [ward], "into": [
            {"id": chosen, "code": "XD-2", "name": "Đoàn xã mới", "kind": "commune", "parent_id": seeded_unit(DA_NANG), "locality_id": place("48")}]}]));
        asked["id"] = json!(Uuid::now_v7());
        let first = t.admin.post(PATH, &asked).await.ok(201);
        assert_eq!(id_of(t, "XD-2").await, chosen);
        assert_eq!(t.admin.post(PATH, &asked).await.ok(200), first);
        asked["reason"] = json!("Khác");
        t.admin.post(PATH, &asked).await.problem(409, "id_already_used");
        let keyed = asks(json!([{"kind": "close", "from": [chosen]}]));
        // It began on that very day.
        t.admin.post(PATH, &keyed).key("mot").await.faults(422, &[("/changes/0/from/0", "dates_inverted")]);
    }

    async fn units_that_begin_together_may_name_one_another(t: &T) {
        let (one, other) = (seeded_unit(HA_NOI), seeded_unit(DA_NANG));
        let (ward, second) = (unit(t, one, "XD-1", "commune").await, unit(t, other, "XD-2", "commune").await);
        let mut new = province("TD-MOI");
        let id = Uuid::now_v7();
        new["id"] = json!(id);
        done(t, json!([
            {"kind": "merge", "from": [ward], "into": [{"code": "XD-3", "name": "Đoàn xã mới", "kind": "commune", "parent_id": id}]},
            {"kind": "move", "from": [second], "into": [id]},
            {"kind": "merge", "from": [one, other], "into": [new]},
        ])).await;
        let page = t.admin.get(&format!("/v1/org-units/{id}/children?as_of={DAY}")).await.ok(200);
        assert_eq!(codes(&page), ["XD-2", "XD-3"]);
    }
}
