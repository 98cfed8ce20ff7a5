//! Demonstration teams with what they did: one batch, made from nothing but its plan.

use super::plan::{Plan, SEED, TeamPlan, Weighted};
use anyhow::{Context, Result};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tinhnguyen_domain::{
    Stamp,
    activities::{Activity, ActivityAction, ActivityMode, ActivityStatus},
    campaigns::{Campaign, Mode, Strand},
    catalogue::{ActivityKind, AgeBand, Audience, Measure, Sex, Topic},
    counting::Turns,
    plausibility::{Facts, marks_of},
    results::{ActivityResult, Evidence, EvidenceKind, Line, Output, ResultStatus, Statement},
    teams::{Crew, Team, TeamAction, TeamKind, TeamStatus},
};
use tinhnguyen_persistence::reference::{DEMO_PREFIX, id_at};
use uuid::Uuid;

/// Percent by which all figures are scaled, so that the country comes to about 5.1 million turns.
const SCALE: i64 = 65;
/// One activity in so many is held together with the team before.
const JOINT: u32 = 25;

/// Who is said to have written and who to have verified.
#[derive(Debug, Clone, Copy)]
pub struct Actors {
    /// Writes and submits.
    pub coordinator: Uuid,
    /// Verifies and returns.
    pub verifier: Uuid,
}

/// A result and where it counts.
pub struct Counting {
    /// The result.
    pub result: ActivityResult,
    /// The unit of its team.
    pub org_unit_id: Uuid,
    /// The place of its activity.
    pub locality_id: Uuid,
}

/// Some teams with all that they did.
#[derive(Default)]
pub struct Batch {
    /// The teams.
    pub teams: Vec<Team>,
    /// Their activities.
    pub activities: Vec<Activity>,
    /// Their results.
    pub results: Vec<Counting>,
}

fn pick<T: Copy>(random: &mut StdRng, choices: &[Weighted<T>]) -> Result<T> {
    Ok(choices.choose_weighted(random, |choice| choice.1)?.0)
}

const KINDS: &[Weighted<ActivityKind>] = &[
    (ActivityKind::Communication, 25),
    (ActivityKind::TrainingClass, 38),
    (ActivityKind::Contest, 9),
    (ActivityKind::Project06Support, 28),
];
/// Local hours at which activities begin, in seconds since midnight.
const HOURS: &[Weighted<u32>] = &[(7 * 3600 + 1800, 25), (8 * 3600, 35), (14 * 3600, 25), (19 * 3600, 15)];
const DAYS: &[Weighted<u64>] = &[(1, 20), (2, 30), (3, 30), (4, 20)];
const VENUES: &[&str] = &[
    "Nhà văn hóa",
    "Trụ sở Ủy ban nhân dân",
    "Trường trung học cơ sở",
    "Trường tiểu học",
    "Nhà sinh hoạt cộng đồng",
    "Bộ phận một cửa",
    "Chợ trung tâm",
    "Điểm bưu điện – văn hóa",
];

impl TeamPlan {
    /// The id that the team has in every database.
    pub fn id(&self, campaign: &Campaign) -> Uuid {
        id_at(early(campaign), "demo_team", &self.number.to_string())
    }

    fn code(&self) -> String {
        format!("{DEMO_PREFIX}{:05}", self.number)
    }
}

/// When the teams are said to have been set up.
pub fn early(campaign: &Campaign) -> DateTime<Utc> {
    campaign.starts_on.and_time(NaiveTime::MIN).and_utc() - TimeDelta::days(7)
}

impl Batch {
    /// Makes teams with their work. The same plan gives the same batch.
    pub fn make(plan: &Plan, teams: &[TeamPlan], actors: &Actors) -> Result<Self> {
        let mut batch = Self::default();
        for team in teams {
            let mut maker = Maker {
                random: StdRng::seed_from_u64(SEED.wrapping_mul(1_000_003).wrapping_add(team.number)),
                campaign: &plan.campaign,
                days: &plan.days,
                plan: team,
                actors,
            };
            let made = maker.team()?;
            batch.teams.push(made);
            maker.work(&mut batch)?;
        }
        Ok(batch)
    }

    /// All turns that are counted.
    pub fn turns(&self) -> i64 {
        self.results.iter().flat_map(|work| work.result.reported_turns().into_values()).sum()
    }
}

struct Maker<'a> {
    random: StdRng,
    campaign: &'a Campaign,
    days: &'a [Weighted<NaiveDate>],
    plan: &'a TeamPlan,
    actors: &'a Actors,
}

impl Maker<'_> {
    fn team(&mut self) -> Result<Team> {
        let random = &mut self.random;
        let kind = pick(random, &[(TeamKind::CommunityDigitalTransformation, 60), (TeamKind::DigitalSummer, 40)])?;
        let title = match kind {
            TeamKind::CommunityDigitalTransformation => "Chuyển đổi số cộng đồng",
            TeamKind::DigitalSummer => "Mùa hè số",
        };
        let drives: Vec<&Strand> = self.campaign.strands.iter().collect();
        let strand = drives.choose(random).filter(|_| random.random_ratio(7, 10)).map(|strand| strand.code.clone());
        let modes = pick(random, &[(Mode::InPlace, 50), (Mode::Regular, 30), (Mode::AudienceBased, 20)])?;
        let starts_on = self.campaign.starts_on + Days::new(random.random_range(0..=12));
        let ends_on = self.campaign.ends_on - Days::new(random.random_range(0..=12));
        let at = early(self.campaign) + TimeDelta::minutes(i64::try_from(self.plan.number)?);
        let locality_ids = match self.plan.home {
            Some(home) => vec![home],
            None => self.plan.near.choose(random).copied().into_iter().collect(),
        };
        let mut team = Team {
            stamp: Stamp { id: self.plan.id(self.campaign), created_at: at, updated_at: at, version: 1 },
            campaign_id: self.campaign.stamp.id,
            org_unit_id: self.plan.org_unit_id,
            kind,
            name: format!("[Mẫu] Đội {title} {} – {}", self.plan.number, self.plan.unit_name),
            code: self.plan.code(),
            strand,
            modes: vec![modes],
            locality_ids,
            starts_on,
            ends_on,
            status: TeamStatus::Forming,
            digital_group_ids: vec![],
        };
        // Some never got further than the middle of the road; what they report is flagged, not lost.
        let steps = pick(random, &[(3, 62), (2, 34), (0, 2), (1, 2)])?;
        for action in [TeamAction::Ready, TeamAction::Deploy, TeamAction::Complete].into_iter().take(steps) {
            team = team.act(action, 1, Crew::default())?;
            team.stamp.version += 1;
        }
        Ok(team)
    }

    fn work(&mut self, batch: &mut Batch) -> Result<()> {
        let activities = self.random.random_range(5..=11);
        for count in 0..activities {
            let (team, before) = match batch.teams.as_slice() {
                [.., before, team] => (team.clone(), Some(before.clone())),
                [team] => (team.clone(), None),
                [] => return Ok(()),
            };
            let mut teams = vec![team];
            // Only neighbours hold something together: teams of one district, or of one province.
            teams.extend(before.filter(|_| self.random.random_ratio(1, JOINT)));
            let days = pick(&mut self.random, DAYS)?;
            // Nothing ends after the campaign.
            let first =
                pick(&mut self.random, self.days)?.min(self.campaign.ends_on - Days::new(days.saturating_sub(1)));
            let mut activity = self.activity(count, &teams, first, days)?;
            let first_result = batch.results.len();
            if self.random.random_ratio(2, 100) {
                activity.status = activity.status.after(ActivityAction::Cancel)?;
            } else {
                for day in first.iter_days().take(usize::try_from(days)?) {
                    for team in &teams {
                        let result = self.result(&activity, team, day)?;
                        let (org_unit_id, locality_id) = (team.org_unit_id, activity.locality_id);
                        batch.results.push(Counting { result, org_unit_id, locality_id });
                    }
                }
                activity.status = activity.status.on_report()?;
                if self.random.random_ratio(95, 100) {
                    activity.status = activity.status.after(ActivityAction::Complete)?;
                }
                self.plan_turns(&mut activity, batch.results.get_mut(first_result..).unwrap_or_default(), &teams);
            }
            activity.stamp.version += i64::from(activity.status != ActivityStatus::Planned);
            batch.activities.push(activity);
        }
        Ok(())
    }

    fn instant(&self, day: NaiveDate, seconds: u32) -> Result<DateTime<Utc>> {
        let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0).unwrap_or(NaiveTime::MIN);
        let local = day.and_time(time).and_local_timezone(self.campaign.time_zone).earliest();
        Ok(local.context("the campaign's time zone has no such hour")?.to_utc())
    }

    fn activity(&mut self, count: u32, teams: &[Team], first: NaiveDate, days: u64) -> Result<Activity> {
        let kind = pick(&mut self.random, KINDS)?;
        let fitting: Vec<Topic> =
            Topic::ALL.iter().copied().filter(|t| t.activity_kind() == kind && *t != Topic::Other).collect();
        let many = self.random.random_range(1..=2);
        let topics: Vec<Topic> = fitting.sample(&mut self.random, many).copied().collect();
        let about = topics.first().map_or("", |topic| topic.names().0);
        let title = match kind {
            ActivityKind::Communication => format!("Tuyên truyền lưu động: {about}"),
            ActivityKind::TrainingClass => format!("Lớp bồi dưỡng: {about}"),
            ActivityKind::Contest => format!("Sân chơi: {about}"),
            ActivityKind::Project06Support => format!("Hỗ trợ người dân: {about}"),
        };
        let away = self.random.random_ratio(15, 100);
        let near = self.plan.near.choose(&mut self.random).copied();
        let locality_id = self.plan.home.filter(|_| !away).or(near).context("there is nowhere to go")?;
        let online = kind == ActivityKind::Communication && self.random.random_ratio(1, 4);
        let from = pick(&mut self.random, HOURS)?;
        let starts_at = self.instant(first, from)?;
        let ends_at = starts_at + TimeDelta::days(i64::try_from(days)? - 1) + TimeDelta::minutes(150);
        let announced = starts_at - TimeDelta::days(self.random.random_range(2..=9));
        Ok(Activity {
            stamp: Stamp {
                id: id_at(announced, "demo_activity", &format!("{}/{count}", self.plan.number)),
                created_at: announced,
                updated_at: announced,
                version: 1,
            },
            campaign_id: self.campaign.stamp.id,
            lead_team_id: self.plan.id(self.campaign),
            team_ids: teams.iter().map(|team| team.stamp.id).collect(),
            locality_id,
            kind,
            topics,
            title,
            mode: if online { ActivityMode::Online } else { ActivityMode::InPerson },
            venue: VENUES.choose(&mut self.random).filter(|_| !online).map(|venue| (*venue).to_owned()),
            location: None,
            starts_at,
            ends_at,
            planned_turns: None,
            venue_capacity: None,
            status: ActivityStatus::Planned,
            series_id: None,
            digital_group_ids: vec![],
        })
    }

    /// What the activity was planned to reach, in hindsight of what it did: near the truth, and now and then far below
    /// it, so that some figures are flagged.
    fn plan_turns(&mut self, activity: &mut Activity, results: &mut [Counting], teams: &[Team]) {
        let most = results.iter().map(|work| work.result.statement.turns().0).max().unwrap_or_default();
        let percent = if self.random.random_ratio(1, 100) { 20 } else { self.random.random_range(60..=150) };
        activity.planned_turns = Some((most * percent / 1000).max(1) * 10);
        for work in results {
            let status = teams.iter().find(|team| team.stamp.id == work.result.team_id).map(|team| team.status);
            let facts =
                Facts { activity, team: status.unwrap_or(TeamStatus::Deployed), history: &[], late_tallies: false };
            (work.result.flags, work.result.findings) = marks_of(&work.result.statement, &facts);
        }
    }

    fn lines(&mut self, activity: &Activity) -> Result<Vec<Line>> {
        use Audience::{Children, Officials, Residents, YoungPeople};
        let (span, audiences): (_, &[Weighted<Audience>]) = match activity.kind {
            ActivityKind::Communication => {
                (20..=110, &[(Residents, 45), (YoungPeople, 30), (Children, 15), (Officials, 10)])
            }
            ActivityKind::TrainingClass => {
                (8..=34, &[(Children, 35), (YoungPeople, 25), (Residents, 25), (Officials, 15)])
            }
            ActivityKind::Contest => (20..=90, &[(Children, 50), (YoungPeople, 50)]),
            ActivityKind::Project06Support => (6..=45, &[(Residents, 75), (YoungPeople, 20), (Officials, 5)]),
        };
        let mut lines: Vec<Line> = Vec::new();
        for topic in &activity.topics {
            let many = pick(&mut self.random, &[(1, 55), (2, 45)])?;
            for (audience, _) in audiences.sample_weighted(&mut self.random, many, |choice| choice.1)? {
                let turns = self.random.random_range(span.clone()) * self.plan.vigour.turns * SCALE / 10_000;
                let sex = self.random.random_ratio(1, 5).then_some(Sex::Unspecified);
                let age_band = (*audience == Children && sex.is_some()).then_some(AgeBand::From6To15);
                let turns = Turns(turns.clamp(*Turns::LINE.start(), *Turns::LINE.end()));
                lines.push(Line { topic: *topic, audience: *audience, sex, age_band, turns });
            }
        }
        Ok(lines)
    }

    fn outputs(&mut self, kind: ActivityKind, turns: i64) -> Vec<Output> {
        let output = |measure, value| Output { measure, value };
        match kind {
            ActivityKind::Communication => vec![output(Measure::CommunicationSessions, 1)],
            ActivityKind::TrainingClass => vec![output(Measure::Classes, 1)],
            ActivityKind::Contest => vec![output(Measure::Contests, 1)],
            ActivityKind::Project06Support => vec![
                output(Measure::EidSupported, turns * self.random.random_range(20..=60) / 100),
                output(Measure::OnlineDossiersSupported, turns * self.random.random_range(5..=30) / 100),
            ],
        }
    }

    fn result(&mut self, activity: &Activity, team: &Team, day: NaiveDate) -> Result<ActivityResult> {
        let lines = self.lines(activity)?;
        let turns = lines.iter().map(|line| line.turns.0).sum();
        let outputs = self.outputs(activity.kind, turns);
        let seconds = 17 * 3600 + self.random.random_range(0..5 * 3600);
        let evening = self.instant(day, seconds)?;
        let key = format!("{}/{}/{day}", activity.stamp.id, team.stamp.id);
        let id = id_at(evening, "demo_result", &key);
        let url = Some(format!("https://example.org/mau/{id}.jpg"));
        let photo = Evidence { kind: EvidenceKind::Photo, url, file_id: None, note: None };
        let evidence = if self.random.random_ratio(1, 8) { vec![photo] } else { vec![] };
        let mut result = ActivityResult {
            stamp: Stamp { id, created_at: evening, updated_at: evening, version: 1 },
            activity_id: activity.stamp.id,
            team_id: team.stamp.id,
            reported_on: day,
            locality_id: activity.locality_id,
            statement: Statement { lines, outputs, evidence },
            status: ResultStatus::Draft,
            revision: 1,
            flags: vec![],
            findings: vec![],
            created_by: self.actors.coordinator,
            submitted_by: None,
            verified_by: None,
            return_reason: None,
            from_tallies: false,
            marked: 0,
        };
        if self.random.random_ratio(1, 200) {
            return Ok(result);
        }
        result = result.submit(self.actors.coordinator)?;
        result.stamp.version += 1;
        // What is two weeks old has mostly been checked; what is newer, less and less.
        let age = (self.campaign.ends_on - day).num_days().clamp(0, 14);
        let checked = self.plan.vigour.verified * (u32::try_from(age)? + 2) / 16;
        let later = evening + TimeDelta::hours(self.random.random_range(3..=60));
        if self.random.random_ratio(checked.min(100), 100) {
            result = result.verify(self.actors.verifier)?;
        } else if self.random.random_ratio(1, 10) {
            result = result.give_back(self.actors.verifier, "Đề nghị bổ sung minh chứng.".to_owned())?;
        } else {
            return Ok(result);
        }
        result.stamp.version += 1;
        result.stamp.updated_at = later;
        Ok(result)
    }
}
