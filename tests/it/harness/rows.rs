//! A small campaign of its own for tests below the contract, stored through the domain's types.

use super::{Db, now};
use chrono::{Days, NaiveDate};
use sea_orm::{ActiveValue::Set, EntityTrait};
use tinhnguyen_domain::{
    Stamp,
    activities::{Activity, ActivityMode, ActivityStatus},
    campaigns::{Campaign, CampaignStatus, Indicator},
    catalogue::{ActivityKind, Audience, Measure, Topic},
    counting::{Counted, Turns},
    org_units::{OrgUnit, OrgUnitKind, UnitPath},
    results::{ActivityResult, Line, ResultStatus, Statement},
    teams::{Team, TeamKind, TeamStatus},
};
use tinhnguyen_persistence::{
    StoreError, StoreResult, Tx, activities, campaigns, entities::locality, ledger, org_units, results, teams,
};
use uuid::Uuid;

/// The stamp of something that is made now.
pub fn stamp() -> Stamp {
    Stamp { id: Uuid::now_v7(), created_at: now(), updated_at: now(), version: 1 }
}

/// The day with this number from the campaign's first on.
pub fn day(number: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 6, 1).unwrap() + Days::new(number)
}

/// A unit at a place in the tree, without a parent: the tests of scopes choose paths that the tree would not give.
pub fn unit(code: &str, path: &str) -> OrgUnit {
    OrgUnit {
        stamp: stamp(),
        code: code.to_owned(),
        name: format!("Đoàn {code}"),
        name_en: None,
        kind: OrgUnitKind::Grassroots,
        parent_id: None,
        locality_id: None,
        national_org_code: None,
        valid_from: day(0),
        valid_to: None,
        path: UnitPath::parse(path).unwrap(),
    }
}

/// A campaign with two indicators, one of which counts only one topic, and one team with one activity in one place.
pub struct Field {
    pub campaign: Campaign,
    /// Counts every topic, and then only cyber safety.
    pub indicators: [Indicator; 2],
    pub unit: OrgUnit,
    pub locality_id: Uuid,
    pub team: Team,
    pub activity: Activity,
}

impl Field {
    /// Stores it.
    pub async fn sown(db: &Db) -> Self {
        let campaign = Campaign {
            stamp: stamp(),
            code: "THU-2024".to_owned(),
            name: "Chiến dịch thử".to_owned(),
            name_en: None,
            theme: None,
            starts_on: day(0),
            ends_on: day(91),
            time_zone: chrono_tz::Asia::Ho_Chi_Minh,
            status: CampaignStatus::Open,
            strands: vec![],
            modes: vec![],
        };
        let indicator = |number, counted_topics| Indicator {
            stamp: stamp(),
            campaign_id: campaign.stamp.id,
            number: Some(number),
            name: "Lượt được hỗ trợ".to_owned(),
            name_en: None,
            unit: "lượt".to_owned(),
            measure: Measure::BeneficiaryTurns,
            target_value: 6_000_000,
            counted_topics,
        };
        let indicators = [indicator(7, None), indicator(8, Some(vec![Topic::CyberSafety]))];
        let unit = unit("THU-1", "/7001/");
        let locality_id = Uuid::now_v7();
        let team = Team {
            stamp: stamp(),
            campaign_id: campaign.stamp.id,
            org_unit_id: unit.stamp.id,
            kind: TeamKind::DigitalSummer,
            name: "Đội thử".to_owned(),
            code: "D-1".to_owned(),
            strand: None,
            modes: vec![],
            locality_ids: vec![locality_id],
            starts_on: day(0),
            ends_on: day(91),
            status: TeamStatus::Deployed,
            digital_group_ids: vec![],
        };
        let activity = Activity {
            stamp: stamp(),
            campaign_id: campaign.stamp.id,
            lead_team_id: team.stamp.id,
            team_ids: vec![team.stamp.id],
            locality_id,
            kind: ActivityKind::TrainingClass,
            topics: vec![Topic::CyberSafety, Topic::OfficeSoftware],
            title: "Lớp thử".to_owned(),
            mode: ActivityMode::InPerson,
            venue: None,
            location: None,
            starts_at: now(),
            ends_at: now(),
            planned_turns: None,
            venue_capacity: None,
            status: ActivityStatus::Ongoing,
            series_id: None,
            digital_group_ids: vec![],
        };
        let field = Self { campaign, indicators, unit, locality_id, team, activity };
        db.store.write(async |tx| field.store(tx).await).await.unwrap();
        field
    }

    async fn store(&self, tx: &Tx) -> StoreResult<()> {
        let stamp = stamp();
        let place = locality::ActiveModel {
            id: Set(self.locality_id),
            created_at: Set(stamp.created_at),
            updated_at: Set(stamp.updated_at),
            version: Set(1),
            code: Set("THU".to_owned()),
            name: Set("Xã Thử".to_owned()),
            name_en: Set(None),
            name_folded: Set("xa thu".to_owned()),
            kind: Set("commune".to_owned()),
            locality_type: Set("xã".to_owned()),
            parent_id: Set(None),
            difficulty: Set("none".to_owned()),
            categories: Set(Vec::<String>::new().into_iter().collect()),
            valid_from: Set(day(0)),
            valid_to: Set(None),
            path: Set("/700001/".to_owned()),
        };
        locality::Entity::insert(place).exec_without_returning(tx).await?;
        org_units::insert(tx, &self.unit).await?;
        campaigns::insert(tx, &self.campaign).await?;
        for indicator in &self.indicators {
            campaigns::insert_indicator(tx, indicator, None).await?;
        }
        teams::insert(tx, &self.team).await?;
        activities::insert(tx, &self.activity).await
    }

    /// A draft of the team's result for a day; the lines are on cyber safety and office software.
    pub fn draft(&self, on: NaiveDate, safety: i64, office: i64) -> ActivityResult {
        let line =
            |topic, turns| Line { topic, audience: Audience::Children, sex: None, age_band: None, turns: Turns(turns) };
        ActivityResult {
            stamp: stamp(),
            activity_id: self.activity.stamp.id,
            team_id: self.team.stamp.id,
            reported_on: on,
            locality_id: self.locality_id,
            statement: Statement {
                lines: vec![line(Topic::CyberSafety, safety), line(Topic::OfficeSoftware, office)],
                outputs: vec![],
                evidence: vec![],
            },
            status: ResultStatus::Draft,
            revision: 1,
            flags: vec![],
            findings: vec![],
            created_by: Uuid::nil(),
            submitted_by: None,
            verified_by: None,
            return_reason: None,
            from_tallies: false,
            marked: 0,
        }
    }

    /// Posts what changed in a result since it counted for `before`.
    pub async fn post(&self, tx: &Tx, result: &ActivityResult, before: &Counted) -> StoreResult<Option<i64>> {
        let posting = ledger::Posting {
            at: now(),
            actor_id: Uuid::nil(),
            result,
            campaign_id: self.indicators[0].campaign_id,
            org_unit_id: self.unit.stamp.id,
            locality_id: self.locality_id,
            before,
        };
        ledger::post(tx, &self.indicators, &[posting]).await
    }

    /// Stores a submitted result and counts it; gives the number of its last ledger entry.
    pub async fn submitted(&self, db: &Db, on: NaiveDate, safety: i64, office: i64) -> (ActivityResult, i64) {
        let result = self.draft(on, safety, office).submit(Uuid::from_u128(1)).unwrap();
        let seq = db
            .store
            .write::<_, StoreError>(async |tx| {
                results::insert(tx, &result).await?;
                self.post(tx, &result, &Counted::new()).await
            })
            .await
            .unwrap();
        (result, seq.unwrap())
    }

    /// Stores a changed result and counts the change; gives the number of its last ledger entry.
    pub async fn changed(&self, db: &Db, from: &ActivityResult, to: ActivityResult) -> (ActivityResult, i64) {
        let to = ActivityResult { stamp: Stamp { version: from.stamp.version + 1, ..from.stamp }, ..to };
        let seq = db
            .store
            .write::<_, StoreError>(async |tx| {
                results::update(tx, &to).await?;
                self.post(tx, &to, &from.counted()).await
            })
            .await
            .unwrap();
        (to, seq.unwrap())
    }
}
