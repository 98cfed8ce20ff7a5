//! Campaigns (chiến dịch) and the days that belong to them.

use crate::{
    Stamp,
    catalogue::{Measure, Topic},
    counting::Item,
    words::words,
};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

words! {
    /// Where a campaign stands.
    pub enum CampaignStatus: "campaign status" {
        /// Being prepared: nothing is reported to it.
        Draft = "draft",
        /// Open for work and reports.
        Open = "open",
        /// Closed: its figures stand.
        Closed = "closed",
    }
}

words! {
    /// Whether a strand is the campaign's programme or one of its drives.
    pub enum StrandKind: "strand kind" {
        /// A programme (chương trình).
        Programme = "programme",
        /// A concentrated drive (chiến dịch tập trung).
        Drive = "drive",
    }
}

words! {
    /// How volunteering is organised (hình thức tình nguyện).
    pub enum Mode: "mode" {
        /// Regular.
        Regular = "regular",
        /// In place.
        InPlace = "in_place",
        /// By target group.
        AudienceBased = "audience_based",
        /// Online.
        Online = "online",
        /// A project of several years.
        MultiYearProject = "multi_year_project",
    }
}

/// A part of the campaign: its programme or one of its drives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strand {
    /// Stable code, unique in the campaign.
    pub code: String,
    /// Programme or drive.
    pub kind: StrandKind,
    /// Vietnamese name.
    pub name: String,
}

/// A campaign. Its first and last day are local days of its time zone, both inclusive.
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    /// Identity and version.
    pub stamp: Stamp,
    /// Stable code such as `HE-2024`.
    pub code: String,
    /// Vietnamese name.
    pub name: String,
    /// English name.
    pub name_en: Option<String>,
    /// The year's theme.
    pub theme: Option<String>,
    /// First local day, inclusive.
    pub starts_on: NaiveDate,
    /// Last local day, inclusive.
    pub ends_on: NaiveDate,
    /// The time zone that its days are counted in.
    pub time_zone: Tz,
    /// Where it stands.
    pub status: CampaignStatus,
    /// Its programme and drives.
    pub strands: Vec<Strand>,
    /// The modes of volunteering that it uses.
    pub modes: Vec<Mode>,
}

/// Why a campaign does not take a day or a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CampaignError {
    /// The campaign is not open.
    #[error("the campaign is {0}, not open")]
    NotOpen(CampaignStatus),
    /// The day lies before the first or after the last day.
    #[error("{day} is outside {starts_on} to {ends_on}")]
    OutsideCampaign {
        /// The day that was given.
        day: NaiveDate,
        /// First local day.
        starts_on: NaiveDate,
        /// Last local day.
        ends_on: NaiveDate,
    },
    /// The day has not come yet in the campaign's time zone.
    #[error("{day} is after today, {today}")]
    InTheFuture {
        /// The day that was given.
        day: NaiveDate,
        /// Today in the campaign's time zone.
        today: NaiveDate,
    },
}

impl Campaign {
    /// The local day of an instant: 17:30Z is the next day in Asia/Ho_Chi_Minh.
    #[must_use]
    pub fn local_day(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.time_zone).date_naive()
    }

    /// The instant at which a local day is over: until then, whatever is done is done on that day or before it.
    #[must_use]
    pub fn end_of(&self, day: NaiveDate) -> DateTime<Utc> {
        let midnight = day.succ_opt().unwrap_or(NaiveDate::MAX).and_time(NaiveTime::MIN);
        // Where clocks are put forward over midnight, the next day begins at the first time that there is; where they are
        // put back to the day before, it begins the second time.
        let times = (0..=96).filter_map(|quarters| midnight.checked_add_signed(TimeDelta::minutes(quarters * 15)));
        let mut instants = times.flat_map(|time| {
            let found = self.time_zone.from_local_datetime(&time);
            [found.earliest(), found.latest()].into_iter().flatten().map(|at| at.with_timezone(&Utc))
        });
        instants.find(|at| self.local_day(*at) > day).unwrap_or_else(|| midnight.and_utc())
    }

    /// Holds that the campaign is open.
    ///
    /// # Errors
    /// [`CampaignError::NotOpen`].
    pub fn ensure_open(&self) -> Result<(), CampaignError> {
        if self.status == CampaignStatus::Open { Ok(()) } else { Err(CampaignError::NotOpen(self.status)) }
    }

    /// Holds that a day lies within the campaign, first and last day included.
    ///
    /// # Errors
    /// [`CampaignError::OutsideCampaign`].
    pub fn ensure_contains(&self, day: NaiveDate) -> Result<(), CampaignError> {
        if (self.starts_on..=self.ends_on).contains(&day) {
            Ok(())
        } else {
            Err(CampaignError::OutsideCampaign { day, starts_on: self.starts_on, ends_on: self.ends_on })
        }
    }

    /// Holds that something may be reported for a day: within the campaign and not after today.
    ///
    /// # Errors
    /// [`CampaignError::OutsideCampaign`], [`CampaignError::InTheFuture`].
    pub fn ensure_reportable(&self, day: NaiveDate, now: DateTime<Utc>) -> Result<(), CampaignError> {
        self.ensure_contains(day)?;
        let today = self.local_day(now);
        if day > today { Err(CampaignError::InTheFuture { day, today }) } else { Ok(()) }
    }
}

/// A numbered indicator of a campaign (chỉ tiêu) and its target for the whole country.
#[derive(Debug, Clone, PartialEq)]
pub struct Indicator {
    /// Identity and version.
    pub stamp: Stamp,
    /// The campaign that it belongs to.
    pub campaign_id: Uuid,
    /// Its number in the campaign's plan; indicators whose number is not known have none.
    pub number: Option<i32>,
    /// Vietnamese name.
    pub name: String,
    /// English name.
    pub name_en: Option<String>,
    /// What one unit of it is called, such as `lượt`.
    pub unit: String,
    /// What it counts.
    pub measure: Measure,
    /// The national target, in its unit.
    pub target_value: i64,
    /// When set, only lines on these topics count.
    pub counted_topics: Option<Vec<Topic>>,
}

impl Indicator {
    /// Whether what a result states counts for this indicator.
    #[must_use]
    pub fn counts(&self, item: Item) -> bool {
        match item {
            Item::Turns(topic, _) => {
                self.measure == Measure::BeneficiaryTurns
                    && self.counted_topics.as_ref().is_none_or(|t| t.contains(&topic))
            }
            Item::Output(measure) => self.measure == measure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summer() -> Campaign {
        let at = Utc.with_ymd_and_hms(2024, 6, 1, 0, 0, 0).unwrap();
        Campaign {
            stamp: Stamp { id: Uuid::nil(), created_at: at, updated_at: at, version: 1 },
            code: "HE-2024".into(),
            name: "Hè 2024".into(),
            name_en: None,
            theme: None,
            starts_on: NaiveDate::from_ymd_opt(2024, 6, 1).unwrap(),
            ends_on: NaiveDate::from_ymd_opt(2024, 8, 31).unwrap(),
            time_zone: chrono_tz::Asia::Ho_Chi_Minh,
            status: CampaignStatus::Open,
            strands: vec![],
            modes: vec![],
        }
    }

    #[test]
    fn a_day_is_local_and_the_last_day_is_inclusive() {
        let c = summer();
        let late = Utc.with_ymd_and_hms(2024, 6, 30, 17, 30, 0).unwrap();
        assert_eq!(c.local_day(late), NaiveDate::from_ymd_opt(2024, 7, 1).unwrap());
        assert!(c.ensure_contains(c.ends_on).is_ok());
        assert!(c.ensure_contains(c.ends_on.succ_opt().unwrap()).is_err());
        let day = NaiveDate::from_ymd_opt(2024, 7, 2).unwrap();
        assert!(matches!(c.ensure_reportable(day, late), Err(CampaignError::InTheFuture { .. })));
        assert!(c.ensure_reportable(day.pred_opt().unwrap(), late).is_ok());
    }

    #[test]
    fn a_day_ends_at_local_midnight_wherever_clocks_jump() {
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
        let ends = |zone: Tz, on| Campaign { time_zone: zone, ..summer() }.end_of(on);
        let at = |y, m, d, h| Utc.with_ymd_and_hms(y, m, d, h, 0, 0).unwrap();
        assert_eq!(ends(chrono_tz::Asia::Ho_Chi_Minh, day(2024, 7, 9)), at(2024, 7, 9, 17));
        // Clocks go from 00:00 to 01:00: the 3rd ends when the 4th begins, at 01:00.
        assert_eq!(ends(chrono_tz::America::Sao_Paulo, day(2018, 11, 3)), at(2018, 11, 4, 3));
        // Clocks go back from 00:00 to 23:00.
        assert_eq!(ends(chrono_tz::America::Sao_Paulo, day(2018, 2, 17)), at(2018, 2, 18, 3));
        for zone in
            [chrono_tz::Asia::Ho_Chi_Minh, chrono_tz::America::Sao_Paulo, chrono_tz::Europe::London, chrono_tz::UTC]
        {
            let campaign = Campaign { time_zone: zone, ..summer() };
            for on in day(2018, 1, 1).iter_days().take(400) {
                let end = campaign.end_of(on);
                assert_eq!(campaign.local_day(end), on.succ_opt().unwrap(), "{zone} {on}");
                assert_eq!(campaign.local_day(end - TimeDelta::microseconds(1)), on, "{zone} {on}");
            }
        }
    }
}
