//! Small rules that several slices hold their bodies to.

use crate::problem::{ApiError, ApiResult, Code, Fault};
use tinhnguyen_domain::campaigns::{Campaign, CampaignError};

/// Collects faults, so that a client learns all of them at once.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds a fault at a place of the body.
    pub fn add(&mut self, pointer: impl Into<String>, code: Code) {
        self.0.push(Fault::at(pointer, code));
    }

    /// Adds a fault that says more.
    pub fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// What was found, with a fault at `pointer` when it was not.
    pub fn found<T>(&mut self, pointer: impl Into<String>, found: Option<T>) -> Option<T> {
        if found.is_none() {
            self.add(pointer, Code::ReferenceNotFound);
        }
        found
    }

    /// Adds what a campaign says of a day.
    pub fn day(&mut self, pointer: impl Into<String>, outcome: Result<(), CampaignError>) {
        if let Err(err) = outcome {
            self.0.push(day_fault(pointer.into(), err));
        }
    }

    /// All faults as one problem, or nothing.
    ///
    /// # Errors
    /// 422 with every fault.
    pub fn settle(self) -> ApiResult<()> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::invalid(self.0)) }
    }
}

fn day_fault(pointer: String, err: CampaignError) -> Fault {
    match err {
        CampaignError::OutsideCampaign { starts_on, ends_on, .. } => {
            Fault::at(pointer, Code::OutsideCampaign).limit(format!("{starts_on}/{ends_on}"))
        }
        CampaignError::InTheFuture { today, .. } => Fault::at(pointer, Code::InTheFuture).limit(today.to_string()),
        CampaignError::NotOpen(_) => Fault::at(pointer, Code::OutsideCampaign),
    }
}

/// Holds that the campaign is open.
///
/// # Errors
/// `campaign_not_open`.
pub fn ensure_open(campaign: &Campaign) -> ApiResult<()> {
    campaign.ensure_open().map_err(|_| {
        ApiError::new(Code::CampaignNotOpen)
            .with("campaign_status", campaign.status.as_str())
            .with("existing", format!("/v1/campaigns/{}", campaign.stamp.id))
    })
}

/// The places where a value stands again that stood before.
pub fn repeated<T: PartialEq>(items: &[T]) -> impl Iterator<Item = usize> {
    items.iter().enumerate().filter(|(at, item)| items.iter().take(*at).any(|before| before == *item)).map(|(at, _)| at)
}
