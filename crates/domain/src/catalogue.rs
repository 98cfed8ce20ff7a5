//! The closed vocabularies of what is done, for whom, and how it is counted (the letter's contents 1 to 3).

use crate::words::words;

words! {
    /// What kind of activity a team holds (loại hoạt động).
    pub enum ActivityKind: "activity kind" {
        /// Communication of policy and results (tuyên truyền).
        Communication = "communication",
        /// A class (lớp bồi dưỡng).
        TrainingClass = "training_class",
        /// A contest or playground (cuộc thi, sân chơi).
        Contest = "contest",
        /// Help with Project 06 (hỗ trợ Đề án 06).
        Project06Support = "project06_support",
    }
}

impl ActivityKind {
    /// The Vietnamese and the English name.
    #[must_use]
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Communication => ("Tuyên truyền", "Communication"),
            Self::TrainingClass => ("Lớp bồi dưỡng kiến thức, kỹ năng", "Training classes"),
            Self::Contest => ("Cuộc thi, sân chơi", "Contests"),
            Self::Project06Support => ("Hỗ trợ Đề án 06", "Project 06 support"),
        }
    }
}

words! {
    /// What a turn of support was about (nội dung hỗ trợ).
    pub enum Topic: "topic" {
        /// Policies of digital transformation.
        PolicyCommunication = "policy_communication",
        /// Awareness of digital transformation.
        DigitalTransformationAwareness = "digital_transformation_awareness",
        /// Cyber safety.
        CyberSafety = "cyber_safety",
        /// Basic programming.
        BasicProgramming = "basic_programming",
        /// E-commerce.
        ECommerce = "e_commerce",
        /// Office software.
        OfficeSoftware = "office_software",
        /// Applications on smart devices.
        SmartDevices = "smart_devices",
        /// Information technology contests.
        ItContest = "it_contest",
        /// Electronic identification.
        ElectronicIdentification = "electronic_identification",
        /// Electronic authentication.
        ElectronicAuthentication = "electronic_authentication",
        /// Electronic accounts.
        ElectronicAccount = "electronic_account",
        /// Online public services.
        OnlinePublicServices = "online_public_services",
        /// Administrative procedures.
        AdministrativeProcedures = "administrative_procedures",
        /// Electronic payment.
        ElectronicPayment = "electronic_payment",
        /// Anything else that the plan names.
        Other = "other",
    }
}

impl Topic {
    /// The activity kind that the topic belongs to; `other` stands with communication.
    #[must_use]
    pub const fn activity_kind(self) -> ActivityKind {
        match self {
            Self::PolicyCommunication | Self::DigitalTransformationAwareness | Self::Other => {
                ActivityKind::Communication
            }
            Self::CyberSafety
            | Self::BasicProgramming
            | Self::ECommerce
            | Self::OfficeSoftware
            | Self::SmartDevices => ActivityKind::TrainingClass,
            Self::ItContest => ActivityKind::Contest,
            Self::ElectronicIdentification
            | Self::ElectronicAuthentication
            | Self::ElectronicAccount
            | Self::OnlinePublicServices
            | Self::AdministrativeProcedures
            | Self::ElectronicPayment => ActivityKind::Project06Support,
        }
    }

    /// The Vietnamese and the English name.
    #[must_use]
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::PolicyCommunication => ("Tuyên truyền chủ trương, chính sách", "Policy communication"),
            Self::DigitalTransformationAwareness => {
                ("Nâng cao nhận thức về chuyển đổi số", "Digital transformation awareness")
            }
            Self::CyberSafety => ("An toàn, an ninh mạng", "Cyber safety"),
            Self::BasicProgramming => ("Lập trình cơ bản", "Basic programming"),
            Self::ECommerce => ("Thương mại điện tử", "E-commerce"),
            Self::OfficeSoftware => ("Tin học văn phòng", "Office software"),
            Self::SmartDevices => ("Ứng dụng trên thiết bị thông minh", "Smart-device applications"),
            Self::ItContest => ("Cuộc thi, sân chơi công nghệ thông tin", "IT contests and playgrounds"),
            Self::ElectronicIdentification => ("Định danh điện tử", "Electronic identification"),
            Self::ElectronicAuthentication => ("Xác thực điện tử", "Electronic authentication"),
            Self::ElectronicAccount => ("Tạo lập tài khoản điện tử", "Electronic accounts"),
            Self::OnlinePublicServices => ("Dịch vụ công trực tuyến", "Online public services"),
            Self::AdministrativeProcedures => ("Giải quyết thủ tục hành chính", "Administrative procedures"),
            Self::ElectronicPayment => ("Thanh toán điện tử", "Electronic payment"),
            Self::Other => ("Nội dung khác", "Other"),
        }
    }

    /// Whether an activity of `kind` may be about this topic. `other` goes with every kind.
    #[must_use]
    pub fn fits(self, kind: ActivityKind) -> bool {
        self == Self::Other || self.activity_kind() == kind
    }
}

words! {
    /// Who was supported (đối tượng).
    pub enum Audience: "audience" {
        /// Young people, 16 to 30 (thanh niên).
        YoungPeople = "young_people",
        /// Children (thiếu nhi).
        Children = "children",
        /// Officials, civil servants and public employees (cán bộ, công chức, viên chức).
        Officials = "officials",
        /// Residents (người dân).
        Residents = "residents",
    }
}

impl Audience {
    /// The Vietnamese and the English name.
    #[must_use]
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::YoungPeople => ("Thanh niên", "Young people"),
            Self::Children => ("Thiếu nhi", "Children"),
            Self::Officials => ("Cán bộ, công chức, viên chức", "Officials"),
            Self::Residents => ("Người dân", "Residents"),
        }
    }
}

words! {
    /// Sex as reported in a line; `unspecified` says that it was asked and not told.
    pub enum Sex: "sex" {
        /// Female.
        Female = "female",
        /// Male.
        Male = "male",
        /// Asked and not told.
        Unspecified = "unspecified",
    }
}

words! {
    /// Age band of the people supported, in completed years.
    pub enum AgeBand: "age band" {
        /// Under 6.
        Under6 = "under_6",
        /// 6 to 15.
        From6To15 = "6_15",
        /// 16 to 30, the Union's age.
        From16To30 = "16_30",
        /// 31 to 59.
        From31To59 = "31_59",
        /// 60 and over.
        From60 = "60_plus",
    }
}

words! {
    /// What an indicator counts, and what a result may state beside its turns.
    pub enum Measure: "measure" {
        /// Turns of support to people (lượt người được hỗ trợ).
        BeneficiaryTurns = "beneficiary_turns",
        /// Communication sessions held.
        CommunicationSessions = "communication_sessions",
        /// Classes held.
        Classes = "classes",
        /// Contests held.
        Contests = "contests",
        /// People helped to electronic identification.
        EidSupported = "eid_supported",
        /// Electronic accounts created.
        AccountsCreated = "accounts_created",
        /// Online dossiers filed with support.
        OnlineDossiersSupported = "online_dossiers_supported",
        /// People guided to electronic payment.
        EpaymentsGuided = "epayments_guided",
        /// Products put on e-commerce platforms.
        ProductsOnECommerce = "products_on_e_commerce",
        /// Digital signatures issued.
        DigitalSignatures = "digital_signatures",
        /// Youth projects (công trình thanh niên).
        YouthProjects = "youth_projects",
        /// News items.
        NewsItems = "news_items",
        /// Volunteer teams.
        Teams = "teams",
        /// Team members.
        Members = "members",
    }
}

impl Measure {
    /// Whether a result states it as an output; the others are counted by the service itself.
    #[must_use]
    pub const fn is_output(self) -> bool {
        !matches!(self, Self::BeneficiaryTurns | Self::Teams | Self::Members)
    }

    /// Whether values of different days, teams and units may be added: unique persons may not.
    #[must_use]
    pub const fn is_additive(self) -> bool {
        !matches!(self, Self::Members)
    }

    /// The Vietnamese and the English name.
    #[must_use]
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::BeneficiaryTurns => ("Lượt người được hỗ trợ", "Beneficiary turns"),
            Self::CommunicationSessions => ("Buổi tuyên truyền", "Communication sessions"),
            Self::Classes => ("Lớp bồi dưỡng", "Classes"),
            Self::Contests => ("Cuộc thi, sân chơi", "Contests"),
            Self::EidSupported => ("Người được hỗ trợ định danh điện tử", "People helped to electronic identification"),
            Self::AccountsCreated => ("Tài khoản điện tử được tạo", "Electronic accounts created"),
            Self::OnlineDossiersSupported => ("Hồ sơ trực tuyến được hỗ trợ", "Online dossiers supported"),
            Self::EpaymentsGuided => ("Người được hướng dẫn thanh toán điện tử", "People guided to electronic payment"),
            Self::ProductsOnECommerce => {
                ("Sản phẩm lên sàn thương mại điện tử", "Products put on e-commerce platforms")
            }
            Self::DigitalSignatures => ("Chữ ký số được cấp", "Digital signatures issued"),
            Self::YouthProjects => ("Công trình thanh niên", "Youth projects"),
            Self::NewsItems => ("Tin, bài truyền thông", "News items"),
            Self::Teams => ("Đội hình tình nguyện", "Volunteer teams"),
            Self::Members => ("Thành viên đội hình", "Team members"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for topic in Topic::ALL {
            assert_eq!(topic.as_str().parse::<Topic>().as_ref(), Ok(topic));
        }
        assert!("Topic".parse::<Topic>().is_err());
    }

    #[test]
    fn a_topic_fits_its_own_kind_and_other_fits_all() {
        for kind in ActivityKind::ALL {
            assert!(Topic::Other.fits(*kind));
            assert!(Topic::ALL.iter().any(|t| t.activity_kind() == *kind));
        }
        assert!(!Topic::CyberSafety.fits(ActivityKind::Contest));
    }
}
