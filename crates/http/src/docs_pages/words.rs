//! The site's own words, in both languages.

use crate::public_pages::Lang;

/// Every fixed word of the site in one language.
#[derive(Debug)]
pub(super) struct Words {
    lang: Lang,
    pub(super) site: &'static str,
    pub(super) skip: &'static str,
    pub(super) languages: &'static str,
    pub(super) theme: &'static str,
    pub(super) parts: &'static str,
    pub(super) start: &'static str,
    pub(super) start_text: &'static str,
    pub(super) guides: &'static str,
    pub(super) this_page: &'static str,
    pub(super) reference: &'static str,
    pub(super) reference_text: &'static str,
    pub(super) reference_script: &'static str,
    pub(super) problems: &'static str,
    pub(super) problems_text: &'static str,
    pub(super) dashboard: &'static str,
    pub(super) document: &'static str,
    pub(super) document_text: &'static str,
    pub(super) all_problems: &'static str,
    pub(super) what: &'static str,
    pub(super) why: &'static str,
    pub(super) what_to_do: &'static str,
    pub(super) example: &'static str,
    pub(super) operations: &'static str,
    pub(super) operations_none: &'static str,
    pub(super) operations_many: &'static str,
    pub(super) first_call: &'static str,
    pub(super) offline_app: &'static str,
    pub(super) webhooks: &'static str,
    pub(super) embedding: &'static str,
}

impl Words {
    /// The words of a language.
    pub(super) const fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::Vi => &VI,
            Lang::En => &EN,
        }
    }

    /// What an HTTP status says.
    pub(super) const fn status(&self, status: u16) -> &'static str {
        let (vi, en) = match status {
            400 => ("Không đọc được", "Can't be read"),
            401 => ("Chưa đăng nhập", "Not authenticated"),
            403 => ("Không được phép", "Not allowed"),
            404 => ("Không có, hoặc ngoài phạm vi", "Absent, or out of sight"),
            405 => ("Sai phương thức", "Wrong method"),
            406 => ("Không có dạng được yêu cầu", "No such representation"),
            408 => ("Quá chậm", "Too slow"),
            409 => ("Vướng trạng thái hiện tại", "Conflicts with the state"),
            412 => ("Đã thay đổi", "Changed meanwhile"),
            413 => ("Quá lớn", "Too large"),
            415 => ("Sai kiểu nội dung", "Wrong media type"),
            422 => ("Hiểu được nhưng không hợp lệ", "Understood, not valid"),
            428 => ("Thiếu điều kiện", "Precondition missing"),
            429 => ("Quá nhiều", "Too many"),
            500 => ("Lỗi hệ thống", "An error of ours"),
            501 => ("Không hỗ trợ", "Not offered"),
            503 => ("Tạm ngừng", "Not available now"),
            507 => ("Hết chỗ lưu", "No room left"),
            _ => ("", ""),
        };
        match self.lang {
            Lang::Vi => vi,
            Lang::En => en,
        }
    }
}

const VI: Words = Words {
    lang: Lang::Vi,
    site: "Tài liệu API",
    skip: "Đến nội dung chính",
    languages: "Ngôn ngữ",
    theme: "Giao diện",
    parts: "Các phần của tài liệu",
    start: "Bắt đầu",
    start_text: "Dành cho người phát triển ứng dụng. Từ đội hình và hoạt động đến kết quả, xác nhận và tiến độ của chiến dịch, mọi việc đều làm được qua API này. Trang này dùng được cả khi không có mạng.",
    guides: "Hướng dẫn",
    this_page: "Trong trang này",
    reference: "Tra cứu API",
    reference_text: "Mọi thao tác, trường, giới hạn và mã lỗi, kèm ví dụ; gửi thử được ngay trên trang.",
    reference_script: "Phần tra cứu cần JavaScript. Không có JavaScript, hãy đọc thẳng tài liệu OpenAPI:",
    problems: "Danh mục lỗi",
    problems_text: "Mỗi mã lỗi: chuyện gì đã xảy ra, vì sao, và nên làm gì. Mã không bao giờ đổi; lời giải thích thì theo ngôn ngữ của bạn.",
    dashboard: "Bảng tiến độ",
    document: "Tài liệu OpenAPI",
    document_text: "để sinh mã cho ứng dụng của bạn",
    all_problems: "Tất cả các mã lỗi",
    what: "Chuyện gì đã xảy ra",
    why: "Vì sao",
    what_to_do: "Nên làm gì",
    example: "Ví dụ câu trả lời",
    operations: "Thao tác có thể trả lời mã này",
    operations_none: "Mã này không thuộc về thao tác nào: nó được trả lời trước khi tìm ra thao tác, hoặc bên ngoài `/v1`.",
    operations_many: "Xem danh sách, số thao tác:",
    first_call: "Trong năm phút: đăng nhập, lập đội, báo cáo, xác nhận, và thấy con số thay đổi.",
    offline_app: "Ứng dụng cho đội ở nơi không có sóng: không mất, không đếm hai lần, không đè lên của ai.",
    webhooks: "Để dịch vụ báo cho bạn khi có thay đổi, thay vì hỏi mỗi phút.",
    embedding: "Đưa số liệu, biểu đồ và bản đồ của chiến dịch lên cổng thông tin của bạn.",
};

const EN: Words = Words {
    lang: Lang::En,
    site: "API documentation",
    skip: "Skip to main content",
    languages: "Language",
    theme: "Theme",
    parts: "Parts of the documentation",
    start: "Start",
    start_text: "For whoever builds an application. From team and activity to result, verification and the campaign's progress, everything can be done by this API. This site works without a network.",
    guides: "Guides",
    this_page: "On this page",
    reference: "API reference",
    reference_text: "Every operation, field, bound and problem code, with examples; requests can be sent from the page.",
    reference_script: "The reference wants JavaScript. Without it, read the OpenAPI document itself:",
    problems: "Problem catalogue",
    problems_text: "Every code: what happened, why, and what to do. Codes never change; the words follow your language.",
    dashboard: "Dashboard",
    document: "OpenAPI document",
    document_text: "to generate a client from",
    all_problems: "All problem codes",
    what: "What happened",
    why: "Why",
    what_to_do: "What to do",
    example: "Example of the answer",
    operations: "Operations that may answer it",
    operations_none: "No operation answers it: it comes before there is one, or from outside of `/v1`.",
    operations_many: "Show the list; operations:",
    first_call: "In five minutes: log in, set up a team, report, verify, and see the figure move.",
    offline_app: "An application for teams without a signal: nothing lost, nothing twice, nothing overwritten.",
    webhooks: "Be told of what happens instead of asking every minute.",
    embedding: "Put the campaign's figures, charts and map on your portal.",
};
