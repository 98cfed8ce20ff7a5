//! What is measured, in the Prometheus text format.

use chrono::{DateTime, Utc};
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

/// The service's metrics.
pub struct Metrics {
    registry: Registry,
    requests: Option<IntCounterVec>,
    duration: Option<HistogramVec>,
    /// The ledger's last entry that this process has folded.
    pub ledger_seq: Option<IntGauge>,
    /// Panics that were caught.
    pub panics: Option<IntGauge>,
    disagreements: Option<IntGauge>,
    audited_at: Option<IntGauge>,
    mail_pending: Option<IntGauge>,
    mail_failed: Option<IntGauge>,
    mail_sent: Option<IntCounter>,
    webhooks_pending: Option<IntGauge>,
    webhooks_failed: Option<IntGauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let registry = Registry::new();
        let register = |collector: Box<dyn prometheus::core::Collector>| registry.register(collector).is_ok();
        let requests = IntCounterVec::new(
            Opts::new("tinhnguyen_http_requests_total", "Requests by route, method and status."),
            &["route", "method", "status"],
        )
        .ok()
        .filter(|m| register(Box::new(m.clone())));
        let duration = HistogramVec::new(
            HistogramOpts::new("tinhnguyen_http_request_duration_seconds", "Time to answer, in seconds.")
                .buckets(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0]),
            &["route", "method"],
        )
        .ok()
        .filter(|m| register(Box::new(m.clone())));
        let ledger_seq = IntGauge::new("tinhnguyen_ledger_seq", "Last ledger entry folded by this process.")
            .ok()
            .filter(|m| register(Box::new(m.clone())));
        let panics = IntGauge::new("tinhnguyen_panics", "Panics caught since the start.")
            .ok()
            .filter(|m| register(Box::new(m.clone())));
        let gauge = |name: &str, help: &str| {
            IntGauge::new(name, help).ok().filter(|m| registry.register(Box::new(m.clone())).is_ok())
        };
        let disagreements = gauge(
            "tinhnguyen_progress_disagreements",
            "Indicators whose totals are not the sum of the ledger, at the last look; -1 before the first one.",
        );
        if let Some(gauge) = &disagreements {
            gauge.set(-1);
        }
        let audited_at = gauge(
            "tinhnguyen_progress_audited_timestamp_seconds",
            "When totals and ledger were last compared, in seconds since 1970.",
        );
        let mail_pending = gauge("tinhnguyen_mail_pending", "Mails that wait to be sent, of all replicas.");
        let mail_failed = gauge("tinhnguyen_mail_failed", "Mails that were given up, of all replicas.");
        let webhooks_pending =
            gauge("tinhnguyen_webhooks_pending", "Deliveries that wait to be sent, of all replicas.");
        let webhooks_failed =
            gauge("tinhnguyen_webhooks_failed", "Deliveries of the last days that were given up, of all replicas.");
        let mail_sent = IntCounter::new("tinhnguyen_mail_sent_total", "Mails sent by this process.")
            .ok()
            .filter(|m| registry.register(Box::new(m.clone())).is_ok());
        Self {
            registry,
            requests,
            duration,
            ledger_seq,
            panics,
            disagreements,
            audited_at,
            mail_pending,
            mail_failed,
            mail_sent,
            webhooks_pending,
            webhooks_failed,
        }
    }
}

impl Metrics {
    /// Notes a request. `route` is the template, so that ids don't make series.
    pub fn request(&self, route: &str, method: &str, status: u16, seconds: f64) {
        if let Some(requests) = &self.requests {
            requests.with_label_values(&[route, method, &status.to_string()]).inc();
        }
        if let Some(duration) = &self.duration {
            duration.with_label_values(&[route, method]).observe(seconds);
        }
    }

    /// Notes what a comparison of totals and ledger found, and when.
    pub fn audited(&self, disagreements: u64, at: DateTime<Utc>) {
        if let Some(gauge) = &self.disagreements {
            gauge.set(i64::try_from(disagreements).unwrap_or(i64::MAX));
        }
        if let Some(gauge) = &self.audited_at {
            gauge.set(at.timestamp());
        }
    }

    /// Notes how the outbox stands after a round, and how many mails it sent.
    pub fn mail(&self, pending: u64, failed: u64, sent: u64) {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        if let Some(gauge) = &self.mail_pending {
            gauge.set(signed(pending));
        }
        if let Some(gauge) = &self.mail_failed {
            gauge.set(signed(failed));
        }
        if let Some(counter) = &self.mail_sent {
            counter.inc_by(sent);
        }
    }

    /// Notes how webhooks' deliveries stand.
    pub fn webhooks(&self, pending: u64, failed: u64) {
        for (gauge, count) in [(&self.webhooks_pending, pending), (&self.webhooks_failed, failed)] {
            if let Some(gauge) = gauge {
                gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
    }

    /// The text that Prometheus scrapes.
    #[must_use]
    pub fn text(&self) -> String {
        let mut buffer = Vec::new();
        if TextEncoder::new().encode(&self.registry.gather(), &mut buffer).is_err() {
            return String::new();
        }
        String::from_utf8_lossy(&buffer).into_owned()
    }
}
