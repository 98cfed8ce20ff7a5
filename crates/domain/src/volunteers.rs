//! Volunteers (tình nguyện viên): who they are, what they consented to, and which team they are in.

use crate::{Stamp, catalogue::Sex, catalogue::Topic, personal::Personal, words::words};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

words! {
    /// What a volunteer does beside.
    pub enum Occupation: "occupation" {
        /// Học sinh.
        Pupil = "pupil",
        /// Sinh viên.
        Student = "student",
        /// Giáo viên.
        Teacher = "teacher",
        /// Giảng viên.
        Lecturer = "lecturer",
        /// Anything else.
        Other = "other",
    }
}

words! {
    /// How well a volunteer knows a topic.
    pub enum SkillLevel: "skill level" {
        /// Cơ bản.
        Basic = "basic",
        /// Khá, tốt.
        Good = "good",
        /// Chuyên gia.
        Expert = "expert",
    }
}

words! {
    /// A volunteer's part in a team.
    pub enum MemberRole: "member role" {
        /// Đội trưởng.
        Leader = "leader",
        /// Đội phó.
        Deputy = "deputy",
        /// Đội viên.
        Member = "member",
    }
}

/// A topic that a volunteer knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skill {
    /// The topic.
    pub topic: Topic,
    /// How well.
    pub level: SkillLevel,
}

/// Who consented for a minor (người giám hộ).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guardian {
    /// Name.
    pub full_name: String,
    /// What they are to the minor, such as mother.
    pub relationship: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
}

/// The age, in completed years, from which somebody consents alone: the Civil Code's full age.
pub const FULL_AGE: i32 = 18;

/// A volunteer, without what only the vault holds: phone, mail address, birth date, guardian.
#[derive(Clone, PartialEq)]
pub struct Volunteer {
    /// Identity and version.
    pub stamp: Stamp,
    /// Name; a pseudonym after erasure.
    pub full_name: Personal<String>,
    /// Sex, when told.
    pub sex: Option<Sex>,
    /// What they do beside.
    pub occupation: Occupation,
    /// School, university, employer.
    pub institution: Option<String>,
    /// The unit that manages them.
    pub org_unit_id: Uuid,
    /// What they know.
    pub skills: Vec<Skill>,
    /// Whether they can teach a class.
    pub can_teach: bool,
    /// When they consented.
    pub consent_given_at: DateTime<Utc>,
    /// What they consented to.
    pub consent_purposes: Vec<String>,
    /// Whether they are set aside: kept, and no candidate for a team.
    pub archived: bool,
    /// When they were made unknown.
    pub erased_at: Option<DateTime<Utc>>,
    /// Why.
    pub erasure_reason: Option<String>,
}

/// Whether somebody is under full age on a day. Who is born on 29 February comes of age on 1 March.
#[must_use]
pub fn is_minor(birth_date: NaiveDate, on: NaiveDate) -> bool {
    let before_birthday = (on.month(), on.day()) < (birth_date.month(), birth_date.day());
    let age = on.year() - birth_date.year() - i32::from(before_birthday);
    age < FULL_AGE
}

/// Whether a guardian's consent is wanted: of a minor, and of a pupil whose age nobody told.
#[must_use]
pub fn needs_guardian(occupation: Occupation, birth_date: Option<NaiveDate>, on: NaiveDate) -> bool {
    match birth_date {
        Some(day) => is_minor(day, on),
        None => occupation == Occupation::Pupil,
    }
}

impl Volunteer {
    /// Whether they were made unknown.
    #[must_use]
    pub const fn is_erased(&self) -> bool {
        self.erased_at.is_some()
    }

    /// The name that stands where an erased one stood: the same for one person, and of nobody.
    #[must_use]
    pub fn pseudonym(id: Uuid) -> String {
        let hex = id.simple().to_string();
        format!("TNV-{}", hex.get(20..).unwrap_or_default().to_uppercase())
    }

    /// The same person made unknown: what could tell who they are is gone, what is counted stays.
    #[must_use]
    pub fn erased(self, at: DateTime<Utc>, reason: String) -> Self {
        Self {
            full_name: Personal::new(Self::pseudonym(self.stamp.id)),
            sex: None,
            institution: None,
            skills: vec![],
            can_teach: false,
            consent_purposes: vec![],
            archived: true,
            erased_at: Some(at),
            erasure_reason: Some(reason),
            stamp: Stamp { updated_at: at, version: self.stamp.version + 1, ..self.stamp },
            ..self
        }
    }
}

/// A volunteer's time in a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Identity and version.
    pub stamp: Stamp,
    /// The team.
    pub team_id: Uuid,
    /// The volunteer.
    pub volunteer_id: Uuid,
    /// Their part.
    pub role: MemberRole,
    /// First day, inclusive.
    pub joined_on: NaiveDate,
    /// Last day, inclusive; none until they leave or the team's time is over.
    pub left_on: Option<NaiveDate>,
}

/// Why a membership can't be as it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MemberError {
    /// The last day is before the first.
    #[error("the last day is before the first")]
    Inverted,
    /// It begins after the team's time.
    #[error("it begins after the team's last day, {0}")]
    AfterTeam(NaiveDate),
}

impl Member {
    /// The last day on which it holds somebody: their own, or else the team's.
    #[must_use]
    pub fn until(&self, team_ends_on: NaiveDate) -> NaiveDate {
        self.left_on.unwrap_or(team_ends_on)
    }

    /// Whether they belong to the team on a day.
    #[must_use]
    pub fn is_active_on(&self, day: NaiveDate, team_ends_on: NaiveDate) -> bool {
        self.joined_on <= day && day <= self.until(team_ends_on)
    }

    /// Holds that the days are in order.
    ///
    /// # Errors
    /// [`MemberError`].
    pub fn check(&self, team_ends_on: NaiveDate) -> Result<(), MemberError> {
        if self.left_on.is_some_and(|left| left < self.joined_on) {
            Err(MemberError::Inverted)
        } else if self.joined_on > team_ends_on {
            Err(MemberError::AfterTeam(team_ends_on))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    #[test]
    fn full_age_begins_on_the_eighteenth_birthday() {
        let born = day(2006, 7, 15);
        assert!(is_minor(born, day(2024, 7, 14)) && !is_minor(born, day(2024, 7, 15)));
        let leap = day(2008, 2, 29);
        assert!(is_minor(leap, day(2026, 2, 28)) && !is_minor(leap, day(2026, 3, 1)));
        assert!(is_minor(day(2030, 1, 1), day(2024, 1, 1)), "not born yet");
    }

    #[test]
    fn a_pupil_of_unknown_age_counts_as_a_minor() {
        let on = day(2024, 7, 15);
        assert!(needs_guardian(Occupation::Pupil, None, on) && !needs_guardian(Occupation::Student, None, on));
        assert!(needs_guardian(Occupation::Student, Some(day(2007, 1, 1)), on));
        assert!(!needs_guardian(Occupation::Pupil, Some(day(2006, 1, 1)), on));
    }

    #[test]
    fn an_erased_volunteer_tells_nothing_and_keeps_unit_and_occupation() {
        let at = DateTime::from_timestamp(1_720_000_000, 0).unwrap();
        let stamp = Stamp { id: Uuid::from_u128(7), created_at: at, updated_at: at, version: 4 };
        let known = Volunteer {
            stamp,
            full_name: Personal::new("Nguyễn Thị Đào".to_owned()),
            sex: Some(Sex::Female),
            occupation: Occupation::Student,
            institution: Some("Đại học Bách khoa".to_owned()),
            org_unit_id: Uuid::from_u128(1),
            skills: vec![Skill { topic: Topic::CyberSafety, level: SkillLevel::Good }],
            can_teach: true,
            consent_given_at: at,
            consent_purposes: vec!["tham gia chiến dịch".to_owned()],
            archived: false,
            erased_at: None,
            erasure_reason: None,
        };
        let erased = known.clone().erased(at, "yêu cầu".to_owned());
        assert!(erased.is_erased() && erased.archived && erased.stamp.version == 5);
        assert_eq!(erased.full_name.reveal(), "TNV-000000000007");
        assert!((erased.institution, erased.sex, erased.skills.len()) == (None, None, 0));
        assert!((erased.org_unit_id, erased.occupation) == (known.org_unit_id, known.occupation));
    }

    #[test]
    fn a_membership_lasts_to_its_own_last_day_or_the_teams() {
        let at = DateTime::from_timestamp(1_720_000_000, 0).unwrap();
        let stamp = Stamp { id: Uuid::nil(), created_at: at, updated_at: at, version: 1 };
        let open = Member {
            stamp,
            team_id: Uuid::nil(),
            volunteer_id: Uuid::nil(),
            role: MemberRole::Member,
            joined_on: day(2024, 6, 1),
            left_on: None,
        };
        let end = day(2024, 8, 31);
        assert!(open.is_active_on(end, end) && !open.is_active_on(day(2024, 9, 1), end));
        let left = Member { left_on: Some(day(2024, 6, 30)), ..open.clone() };
        assert!(left.is_active_on(day(2024, 6, 30), end) && !left.is_active_on(day(2024, 7, 1), end));
        assert_eq!(open.check(end), Ok(()));
        assert_eq!(open.check(day(2024, 5, 31)), Err(MemberError::AfterTeam(day(2024, 5, 31))));
        let inverted = Member { left_on: Some(day(2024, 5, 1)), ..open };
        assert_eq!(inverted.check(end), Err(MemberError::Inverted));
    }
}
