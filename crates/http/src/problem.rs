//! Problems (RFC 9457): one error type, one catalogue of stable codes, words in Vietnamese and English.

use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError, http::StatusCode, http::header};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::fmt;
use tinhnguyen_persistence::{Retryable, StoreError};

/// The language of a problem's words. Codes never change with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// Vietnamese, the users' language.
    #[default]
    Vi,
    /// English.
    En,
}

impl Lang {
    /// Chooses by `Accept-Language`: the first of `vi` and `en` by weight; Vietnamese otherwise.
    #[must_use]
    pub fn negotiate(accept: Option<&str>) -> Self {
        let mut best = (0.0_f32, Self::Vi);
        for part in accept.unwrap_or_default().split(',') {
            let mut pieces = part.split(';');
            let tag = pieces.next().unwrap_or_default().trim().to_ascii_lowercase();
            let weight =
                pieces.find_map(|p| p.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok())).unwrap_or(1.0);
            let lang = match tag.split('-').next() {
                Some("vi") => Self::Vi,
                Some("en") => Self::En,
                _ => continue,
            };
            if weight > best.0 {
                best = (weight, lang);
            }
        }
        best.1
    }

    /// `vi` or `en`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }
}

/// The same sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// Vietnamese.
    pub vi: String,
    /// English.
    pub en: String,
}

impl Text {
    /// A sentence in both languages.
    pub fn new(vi: impl Into<String>, en: impl Into<String>) -> Self {
        Self { vi: vi.into(), en: en.into() }
    }

    /// The words in one language.
    #[must_use]
    pub fn in_lang(&self, lang: Lang) -> &str {
        match lang {
            Lang::Vi => &self.vi,
            Lang::En => &self.en,
        }
    }
}

macro_rules! codes {
    ($($(#[$meta:meta])* $variant:ident = $code:literal, $status:literal, $vi:literal, $en:literal, $do_vi:literal, $do_en:literal;)+) => {
        /// The stable codes of problems and of faults in a body or parameter.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$meta])* #[doc = $en] $variant),+ }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$variant),+];

            /// The code as clients see it.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Code::$variant => $code),+ } }

            /// The HTTP status that a problem with this code has.
            #[must_use]
            pub const fn status(self) -> u16 { match self { $(Code::$variant => $status),+ } }

            /// The title in both languages.
            #[must_use]
            pub const fn title(self, lang: Lang) -> &'static str {
                match (self, lang) { $((Code::$variant, Lang::Vi) => $vi, (Code::$variant, Lang::En) => $en),+ }
            }

            /// What a client does about it.
            #[must_use]
            pub const fn remedy(self, lang: Lang) -> &'static str {
                match (self, lang) { $((Code::$variant, Lang::Vi) => $do_vi, (Code::$variant, Lang::En) => $do_en),+ }
            }
        }
    };
}

codes! {
    MalformedJson = "malformed_json", 400, "JSON không đọc được", "The JSON can't be read",
        "Sửa cú pháp ở dòng và cột được nêu rồi gửi lại.", "Mend the syntax at the given line and column and send again.";
    InvalidParameter = "invalid_parameter", 400, "Tham số không hợp lệ", "A parameter is not valid",
        "Sửa các tham số được nêu trong `errors`.", "Mend the parameters named in `errors`.";
    UnknownParameter = "unknown_parameter", 400, "Tham số không có trong hợp đồng", "The contract has no such parameter",
        "Bỏ tham số hoặc sửa tên theo tài liệu.", "Leave the parameter out or spell it as the documentation does.";
    BadCursor = "bad_cursor", 400, "Con trỏ trang không đọc được", "The page cursor can't be read",
        "Dùng `next_cursor` nguyên vẹn như đã nhận.", "Use `next_cursor` exactly as it was given.";
    CursorMismatch = "cursor_mismatch", 400, "Con trỏ thuộc bộ lọc khác", "The cursor belongs to another filter",
        "Giữ nguyên bộ lọc và thứ tự khi lấy trang tiếp theo.", "Keep filters and sort as they were while paging.";
    Unauthenticated = "unauthenticated", 401, "Chưa đăng nhập", "Not authenticated",
        "Gửi `Authorization: Bearer` với một token còn hạn.", "Send `Authorization: Bearer` with a token that has not expired.";
    Forbidden = "forbidden", 403, "Không có quyền", "Not allowed",
        "Xin cấp vai trò phù hợp trên đơn vị này.", "Ask for a role on this unit that allows it.";
    SecondFactorRequired = "second_factor_required", 403, "Cần xác thực hai lớp", "A second factor is required",
        "Bật xác thực hai lớp tại `POST /v1/me/totp` rồi thử lại.", "Set up a second factor at `POST /v1/me/totp` and try again.";
    IdentityRefused = "identity_refused", 403, "Không đăng nhập được qua nhà cung cấp định danh", "The identity provider's answer was not accepted",
        "Bắt đầu đăng nhập lại từ ứng dụng.", "Begin the login again from your application.";
    IdentityUnknown = "identity_unknown", 403, "Chưa có tài khoản cho danh tính này", "No account belongs to this identity",
        "Nhờ quản trị viên mời bạn bằng địa chỉ thư đã xác minh.", "Ask an administrator to invite you by your verified mail address.";
    VerifierIsSubmitter = "verifier_is_submitter", 403, "Người nộp không được tự xác nhận", "Whoever submitted does not verify",
        "Để một cán bộ xác nhận khác của đơn vị cấp trên xử lý.", "Leave it to another verifier of an ancestor unit.";
    NotFound = "not_found", 404, "Không tìm thấy", "Not found",
        "Kiểm tra mã định danh; tài nguyên ngoài phạm vi của bạn cũng trả lời như vậy.", "Check the id; what is out of your sight answers the same.";
    MethodNotAllowed = "method_not_allowed", 405, "Phương thức không được hỗ trợ", "The method is not allowed here",
        "Dùng một phương thức trong tiêu đề `Allow`.", "Use one of the methods in the `Allow` header.";
    NotAcceptable = "not_acceptable", 406, "Không có dạng nội dung được yêu cầu", "No acceptable representation",
        "Chấp nhận `application/json`.", "Accept `application/json`.";
    RequestTimeout = "request_timeout", 408, "Gửi yêu cầu quá chậm", "The request came too slowly",
        "Gửi lại trọn vẹn; dùng cùng Idempotency-Key.", "Send it again, with the same Idempotency-Key.";
    IdAlreadyUsed = "id_already_used", 409, "Mã định danh đã dùng cho nội dung khác", "The id is taken by something else",
        "Dùng một UUIDv7 mới, hoặc gửi đúng nội dung cũ.", "Use a new UUIDv7, or send the body as it was.";
    CodeAlreadyUsed = "code_already_used", 409, "Mã hoặc tên đã được dùng", "The code or name is taken",
        "Chọn mã khác.", "Choose another one.";
    ResultExists = "result_exists", 409, "Đã có kết quả cho hoạt động, đội và ngày này", "There is a result for this activity, team and day",
        "Sửa kết quả đã có (xem `existing`).", "Change the existing one (see `existing`).";
    WrongState = "wrong_state", 409, "Trạng thái hiện tại không cho phép", "The present state does not allow it",
        "Đọc lại tài nguyên và xem `allowed_actions`.", "Read the resource again and look at `allowed_actions`.";
    NotEditable = "not_editable", 409, "Không còn sửa được", "It can't be edited any more",
        "Kết quả đã nộp hoặc đã xác nhận chỉ đổi được khi bị trả lại.", "A submitted or verified result changes only after it was returned.";
    TeamNotReady = "team_not_ready", 409, "Đội chưa sẵn sàng", "The team is not ready",
        "Bổ sung những gì còn thiếu được nêu trong `errors`.", "Supply what `errors` says is missing.";
    MemberElsewhere = "member_elsewhere", 409, "Tình nguyện viên đang ở một đội trong thời gian này", "The volunteer is in a team at that time",
        "Kết thúc thời gian ở đội kia (xem `existing`) hoặc chọn thời gian khác.", "End the time in the other team (see `existing`), or choose other days.";
    LeaderExists = "leader_exists", 409, "Đội đã có đội trưởng trong thời gian này", "The team has a leader at that time",
        "Kết thúc hoặc đổi vai trò của đội trưởng hiện tại trước (xem `existing`).", "End or change the present leader's part first (see `existing`).";
    LastMember = "last_member", 409, "Đội đang hoạt động không thể không còn đội viên", "A team that is ready or at work can't be left without members",
        "Thêm đội viên khác trước, hoặc hoàn thành hay hủy đội.", "Add another member first, or complete or cancel the team.";
    VolunteerErased = "volunteer_erased", 409, "Dữ liệu của tình nguyện viên đã được xóa", "The volunteer's data have been erased",
        "Việc xóa không hoàn tác được; đăng ký lại nếu người đó đồng ý.", "It can't be undone; register the person anew if they consent.";
    ActivityCancelled = "activity_cancelled", 409, "Hoạt động đã hủy", "The activity is cancelled",
        "Báo cáo vào một hoạt động khác.", "Report to another activity.";
    PeriodOverlaps = "period_overlaps", 409, "Kỳ báo cáo trùng ngày với kỳ khác", "The period shares days with another one",
        "Chọn ngày khác hoặc loạt kỳ khác (`series`); xem `existing`.", "Choose other days, or another `series`; see `existing`.";
    PeriodInUse = "period_in_use", 409, "Kỳ báo cáo đang được dùng", "Something depends on the period",
        "Kỳ đã có gia hạn, báo cáo không phát sinh hoặc nhắc nhở thì không xóa được; sửa ngày của kỳ nếu cần.", "A period with extensions, nil reports or reminders can't be deleted; change its days if need be.";
    CampaignNotOpen = "campaign_not_open", 409, "Chiến dịch không mở", "The campaign is not open",
        "Chờ chiến dịch mở, hoặc liên hệ Trung ương Đoàn.", "Wait until it opens, or ask the centre.";
    IdempotencyInProgress = "idempotency_in_progress", 409, "Yêu cầu cùng khóa đang được xử lý", "A request with this key is still running",
        "Thử lại sau `Retry-After` giây với cùng khóa.", "Try again after `Retry-After` seconds with the same key.";
    LedgerBehind = "ledger_behind", 409, "Sổ cái chưa đến bút toán này", "The ledger has not come to this entry yet",
        "Thử lại sau `Retry-After` giây, hoặc bỏ `min_ledger_seq`.", "Try again after `Retry-After` seconds, or leave `min_ledger_seq` out.";
    StaleVersion = "stale_version", 412, "Tài nguyên đã thay đổi", "The resource has changed",
        "Đọc lại, xem thay đổi, rồi gửi với `If-Match` mới.", "Read it again, look at the change, and send with the new `If-Match`.";
    PayloadTooLarge = "payload_too_large", 413, "Nội dung quá lớn", "The body is too large",
        "Chia nhỏ yêu cầu.", "Split the request.";
    UnsupportedMediaType = "unsupported_media_type", 415, "Kiểu nội dung không được hỗ trợ", "The media type is not supported",
        "Gửi `Content-Type: application/json`.", "Send `Content-Type: application/json`.";
    ValidationFailed = "validation_failed", 422, "Nội dung không hợp lệ", "The body is not valid",
        "Sửa mọi lỗi được nêu trong `errors`.", "Mend all faults named in `errors`.";
    UnknownField = "unknown_field", 422, "Trường không có trong hợp đồng", "The contract has no such field",
        "Bỏ trường hoặc sửa tên theo tài liệu.", "Leave the field out or spell it as the documentation does.";
    Required = "required", 422, "Thiếu trường bắt buộc", "A required field is missing",
        "Thêm trường được nêu.", "Add the field.";
    WrongType = "wrong_type", 422, "Sai kiểu dữ liệu", "The value has the wrong type",
        "Gửi đúng kiểu theo tài liệu.", "Send the type that the documentation states.";
    NotAllowedValue = "not_allowed_value", 422, "Giá trị không được phép", "The value is not one of those allowed",
        "Dùng một trong các giá trị ở `limit`.", "Use one of the values in `limit`.";
    OutOfRange = "out_of_range", 422, "Giá trị ngoài giới hạn", "The value is out of range",
        "Gửi giá trị trong giới hạn ở `limit`.", "Send a value within `limit`.";
    TooLong = "too_long", 422, "Quá dài", "Too long",
        "Rút ngắn đến `limit` ký tự.", "Shorten it to `limit` characters.";
    TooShort = "too_short", 422, "Quá ngắn", "Too short",
        "Gửi ít nhất `limit` ký tự.", "Send at least `limit` characters.";
    TooMany = "too_many", 422, "Quá nhiều phần tử", "Too many items",
        "Gửi nhiều nhất `limit` phần tử.", "Send at most `limit` items.";
    TooFew = "too_few", 422, "Quá ít phần tử", "Too few items",
        "Gửi ít nhất `limit` phần tử.", "Send at least `limit` items.";
    BadFormat = "bad_format", 422, "Sai định dạng", "The format is wrong",
        "Gửi đúng định dạng ở `limit`.", "Send the format in `limit`.";
    NotUnique = "not_unique", 422, "Phần tử trùng lặp", "Items are repeated",
        "Bỏ phần tử trùng.", "Leave repeated items out.";
    NulCharacter = "nul_character", 422, "Có ký tự NUL", "There is a NUL character",
        "Bỏ ký tự U+0000.", "Leave U+0000 out.";
    DuplicateKey = "duplicate_key", 422, "Khóa JSON lặp lại", "A JSON key is repeated",
        "Gửi mỗi khóa một lần.", "Send each key once.";
    DatesInverted = "dates_inverted", 422, "Ngày kết thúc trước ngày bắt đầu", "The end is before the start",
        "Đổi lại hai mốc thời gian.", "Put the end after the start.";
    OutsideCampaign = "outside_campaign", 422, "Ngày nằm ngoài chiến dịch", "The day is outside the campaign",
        "Dùng ngày trong chiến dịch (xem `limit`).", "Use a day of the campaign (see `limit`).";
    InTheFuture = "in_the_future", 422, "Ngày chưa đến", "The day has not come yet",
        "Báo cáo khi hoạt động đã diễn ra.", "Report when it has happened.";
    ReferenceNotFound = "reference_not_found", 422, "Tham chiếu không tồn tại", "What is referred to is not there",
        "Kiểm tra mã định danh; có thể nó nằm ngoài phạm vi của bạn.", "Check the id; it may be out of your sight.";
    GuardianConsentRequired = "guardian_consent_required", 422, "Thiếu sự đồng ý của người giám hộ", "A guardian's consent is missing",
        "Người chưa đủ 18 tuổi, hoặc học sinh chưa rõ ngày sinh, cần `consent.guardian`.", "Who is under 18, or a pupil without a birth date, needs `consent.guardian`.";
    PersonalDataInText = "personal_data_in_text", 422, "Nội dung nhắc đến dữ liệu cá nhân", "The text tells personal data",
        "Viết lý do mà không nêu tên, số điện thoại hay thư điện tử của người đó.", "Give the reason without the person's name, phone number or mail address.";
    FileNotReadable = "file_not_readable", 422, "Tệp không đúng loại đã khai hoặc bị hỏng", "The file is not what its type says, or it is damaged",
        "Gửi ảnh JPEG, PNG, WebP hoặc PDF còn nguyên vẹn, với đúng `Content-Type`.", "Send a sound JPEG, PNG or WebP picture or a PDF, with its own `Content-Type`.";
    TopicNotOfKind = "topic_not_of_kind", 422, "Nội dung không thuộc loại hoạt động", "The topic is not of the activity's kind",
        "Xem `GET /v1/topics`.", "See `GET /v1/topics`.";
    NotItsTeam = "not_its_team", 422, "Đội không tham gia hoạt động", "The team does not hold this activity",
        "Báo cáo cho đội có trong `team_ids`.", "Report for a team of `team_ids`.";
    LocalityNotValid = "locality_not_valid", 422, "Địa bàn không tồn tại vào ngày đó", "The locality did not exist on that day",
        "Dùng đơn vị hành chính có hiệu lực vào ngày hoạt động.", "Use a unit that was valid on the day of the activity.";
    OrgUnitNotValid = "org_unit_not_valid", 422, "Đơn vị không tồn tại vào ngày này", "The unit does not exist on this day",
        "Chọn đơn vị đang hoạt động, hoặc đơn vị kế thừa.", "Choose a unit that exists, or its successor.";
    TakesNoTarget = "takes_no_target", 422, "Đơn vị này không nhận chỉ tiêu", "This unit is given no targets",
        "Trung tâm hướng dẫn, hỗ trợ và không có đội hình; giao cho đơn vị khác.", "The support centre guides and has no teams; choose another unit.";
    NotAdditive = "not_additive", 422, "Chỉ tiêu này không cộng dồn được", "This indicator does not add up",
        "Giao chỉ tiêu cho từng đơn vị; tổng của chúng không có nghĩa.", "Set each unit's target by itself; their sum means nothing.";
    KindNotUnderParent = "kind_not_under_parent", 422, "Loại đơn vị không đặt được dưới đơn vị này", "A unit of this kind can't stand under that parent",
        "Chọn cấp trên khác.", "Choose another parent.";
    UnitEnded = "unit_ended", 422, "Đơn vị đã kết thúc", "It has ended",
        "Dùng đơn vị kế thừa (xem `/successors`).", "Use what took its place (see `/successors`).";
    UnitOccupied = "unit_occupied", 422, "Còn đơn vị trực thuộc đang hoạt động", "Others that go on stand below it",
        "Giải thể hoặc điều chuyển các đơn vị trực thuộc trong cùng lần sắp xếp.", "Close or move what stands below it in the same reorganisation.";
    TreeCircle = "tree_circle", 422, "Đơn vị sẽ đứng dưới chính nó", "It would stand below itself",
        "Chọn đơn vị tiếp nhận nằm ngoài đơn vị kết thúc.", "Choose one that is not below what ends.";
    NotAnOutput = "not_an_output", 422, "Chỉ số này không báo cáo trong kết quả", "This measure is not stated in results",
        "Xem `GET /v1/measures`.", "See `GET /v1/measures`.";
    IdempotencyKeyReused = "idempotency_key_reused", 422, "Khóa đã dùng cho nội dung khác", "The key was used with another body",
        "Dùng khóa mới cho yêu cầu mới.", "Use a new key for a new request.";
    WeakPassword = "weak_password", 422, "Mật khẩu quá yếu", "The password is too weak",
        "Dùng ít nhất 12 ký tự và khó đoán: vài từ không liên quan, không dùng tên, ngày tháng hay dãy phím.", "Use at least 12 characters that are hard to guess: some unrelated words, no names, dates or rows of keys.";
    WrongPassword = "wrong_password", 422, "Mật khẩu hiện tại không đúng", "The present password is wrong",
        "Nhập lại mật khẩu đang dùng.", "Type the password that you use now.";
    WrongCode = "wrong_code", 422, "Mã xác thực không đúng", "The code is wrong",
        "Nhập mã mới nhất của ứng dụng xác thực; mỗi mã dùng được một lần.", "Type the newest code of your authenticator app; each is good once.";
    TokenNotValid = "token_not_valid", 422, "Liên kết không còn hiệu lực", "The link is not good any more",
        "Xin một thư mới.", "Ask for a new mail.";
    IfMatchRequired = "if_match_required", 428, "Thiếu `If-Match`", "`If-Match` is missing",
        "Gửi `If-Match` với ETag đã đọc.", "Send `If-Match` with the ETag that you read.";
    TooManyRequests = "too_many_requests", 429, "Quá nhiều yêu cầu", "Too many requests",
        "Thử lại sau `Retry-After` giây.", "Try again after `Retry-After` seconds.";
    Internal = "internal", 500, "Lỗi hệ thống", "An error of ours",
        "Thử lại với cùng Idempotency-Key; nếu còn lỗi, báo `request_id`.", "Try again with the same Idempotency-Key; if it stays, report `request_id`.";
    FormatNotOffered = "format_not_offered", 501, "Không có định dạng này", "This format is not offered",
        "Dùng `format=json` hoặc `format=xml`.", "Use `format=json` or `format=xml`.";
    Unavailable = "unavailable", 503, "Tạm thời không phục vụ được", "Not available for the moment",
        "Thử lại sau `Retry-After` giây với cùng Idempotency-Key.", "Try again after `Retry-After` seconds with the same Idempotency-Key.";
    StorageFull = "storage_full", 507, "Không còn chỗ lưu trữ", "Nothing can be stored now",
        "Báo người vận hành; đọc dữ liệu vẫn được.", "Tell the operator; reading goes on.";
}

/// One fault of a body (with a JSON pointer) or of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// RFC 6901 pointer into the body.
    pub pointer: Option<String>,
    /// Name of the query, path or header parameter.
    pub parameter: Option<String>,
    /// What is wrong.
    pub code: Code,
    /// In words; the code's title when empty.
    pub message: Text,
    /// The bound that was broken.
    pub limit: Option<Value>,
}

/// How many faults a problem tells of.
const MOST_FAULTS: usize = 1000;

impl Fault {
    /// A fault at a place of the body.
    pub fn at(pointer: impl Into<String>, code: Code) -> Self {
        Self { pointer: Some(pointer.into()), parameter: None, code, message: Text::default(), limit: None }
    }

    /// A fault of a parameter.
    pub fn of_parameter(name: impl Into<String>, code: Code) -> Self {
        Self { pointer: None, parameter: Some(name.into()), code, message: Text::default(), limit: None }
    }

    /// Says the bound.
    #[must_use]
    pub fn limit(mut self, limit: impl Into<Value>) -> Self {
        self.limit = Some(limit.into());
        self
    }

    /// Says it in words.
    #[must_use]
    pub fn message(mut self, vi: impl Into<String>, en: impl Into<String>) -> Self {
        self.message = Text::new(vi, en);
        self
    }
}

/// What every operation may fail with.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// The stable code; it gives the status.
    pub code: Code,
    /// What happened here, beyond the title.
    pub detail: Text,
    /// All faults at once.
    pub faults: Vec<Fault>,
    /// Further members of the problem.
    pub extra: Map<String, Value>,
    /// Further headers.
    pub headers: Vec<(header::HeaderName, String)>,
    /// What caused it; logged once at the edge, never sent.
    pub cause: Option<String>,
    /// Whether the transaction may be tried again at once.
    pub(crate) retryable: bool,
}

/// The result of an operation.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// A problem with this code.
    #[must_use]
    pub fn new(code: Code) -> Self {
        let mut headers = Vec::new();
        match code {
            Code::Unavailable | Code::StorageFull | Code::IdempotencyInProgress | Code::LedgerBehind => {
                headers.push((header::RETRY_AFTER, "1".to_owned()));
            }
            Code::TooManyRequests => headers.push((header::RETRY_AFTER, "5".to_owned())),
            Code::Unauthenticated => {
                headers.push((header::WWW_AUTHENTICATE, "Bearer realm=\"tinhnguyen\"".to_owned()));
            }
            _ => {}
        }
        Self {
            code,
            detail: Text::default(),
            faults: vec![],
            extra: Map::new(),
            headers,
            cause: None,
            retryable: false,
        }
    }

    /// Absent, or out of the caller's sight.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound)
    }

    /// Faults of a body or of parameters. With one kind of fault the problem carries its code, otherwise
    /// `validation_failed`.
    #[must_use]
    pub fn invalid(faults: Vec<Fault>) -> Self {
        let first = faults.first().map_or(Code::ValidationFailed, |f| f.code);
        let code = if faults.iter().all(|f| f.code == first) { first } else { Code::ValidationFailed };
        Self { faults, ..Self::new(code) }
    }

    /// One fault.
    #[must_use]
    pub fn fault(fault: Fault) -> Self {
        Self::invalid(vec![fault])
    }

    /// Faults of parameters. `unknown_parameter` when all are names that the contract doesn't have, otherwise
    /// `invalid_parameter`.
    #[must_use]
    pub fn parameters(faults: Vec<Fault>) -> Self {
        let unknown = faults.iter().all(|f| f.code == Code::UnknownParameter);
        let code = if unknown { Code::UnknownParameter } else { Code::InvalidParameter };
        Self { faults, ..Self::new(code) }
    }

    /// One fault of a parameter.
    #[must_use]
    pub fn parameter(fault: Fault) -> Self {
        Self::parameters(vec![fault])
    }

    /// Says what happened.
    #[must_use]
    pub fn detail(mut self, vi: impl Into<String>, en: impl Into<String>) -> Self {
        self.detail = Text::new(vi, en);
        self
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// An error of ours, with its cause for the log.
    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self { cause: Some(cause.to_string()), ..Self::new(Code::Internal) }
    }

    /// The problem as it is sent.
    #[must_use]
    pub fn body(&self, lang: Lang, base: &str, instance: &str, request_id: &str) -> Value {
        let title = self.code.title(lang);
        let detail = self.detail.in_lang(lang);
        let mut problem = json!({
            "type": format!("{base}/problems/{}", self.code.as_str()),
            "title": title,
            "status": self.code.status(),
            "detail": if detail.is_empty() { self.code.remedy(lang) } else { detail },
            "instance": instance,
            "code": self.code.as_str(),
            "request_id": request_id,
        });
        if let Value::Object(members) = &mut problem {
            if !self.faults.is_empty() {
                members
                    .insert("errors".to_owned(), self.faults.iter().take(MOST_FAULTS).map(|f| f.body(lang)).collect());
            }
            members.extend(self.extra.clone());
        }
        problem
    }
}

impl Fault {
    fn body(&self, lang: Lang) -> Value {
        let message = self.message.in_lang(lang);
        let mut fault = Map::new();
        if let Some(pointer) = &self.pointer {
            fault.insert("pointer".to_owned(), pointer.as_str().into());
        }
        if let Some(parameter) = &self.parameter {
            fault.insert("parameter".to_owned(), parameter.as_str().into());
        }
        fault.insert("code".to_owned(), self.code.as_str().into());
        let message = if message.is_empty() { self.code.title(lang) } else { message };
        fault.insert("message".to_owned(), message.into());
        if let Some(limit) = &self.limit {
            fault.insert("limit".to_owned(), limit.clone());
        }
        Value::Object(fault)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code.as_str())?;
        self.cause.as_ref().map_or(Ok(()), |cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Only the status: the edge, which knows the request's language and id, writes the body.
    fn error_response(&self) -> HttpResponse {
        HttpResponseBuilder::new(self.status_code()).finish()
    }
}

impl From<StoreError> for ApiError {
    fn from(err: StoreError) -> Self {
        let code = match &err {
            // Primary keys are named so by PostgreSQL and by SQLite.
            StoreError::Conflict(what) if what.contains("_pkey") || what.ends_with(".id") => Code::IdAlreadyUsed,
            StoreError::Conflict(_) => Code::CodeAlreadyUsed,
            StoreError::Stale => Code::StaleVersion,
            StoreError::Unavailable(_) | StoreError::Contention(_) | StoreError::Locked(_) => Code::Unavailable,
            StoreError::Full(_) => Code::StorageFull,
            StoreError::ForeignKey(_) => Code::ReferenceNotFound,
            StoreError::Inconsistent { .. } | StoreError::Sealed(_) | StoreError::Db(_) => Code::Internal,
        };
        Self { cause: Some(err.to_string()), retryable: err.is_retryable(), ..Self::new(code) }
    }
}

impl Retryable for ApiError {
    fn is_retryable(&self) -> bool {
        self.retryable
    }
}

/// A problem as the contract describes it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(examples(json!({
    "type": "/problems/out_of_range", "title": "Giá trị ngoài giới hạn", "status": 422,
    "detail": "Gửi giá trị trong giới hạn ở `limit`.", "instance": "/v1/results", "code": "out_of_range",
    "request_id": "018f3a5e-0000-7000-8000-000000000001",
    "errors": [{"pointer": "/lines/0/turns", "code": "out_of_range", "message": "Giá trị ngoài giới hạn", "limit": 100000}]
})))]
pub struct Problem {
    /// Where this code is explained.
    #[serde(rename = "type")]
    #[schema(max_length = 2000)]
    pub type_: String,
    /// The code's title, in the language of `Accept-Language` (`vi` by default).
    #[schema(max_length = 500)]
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What happened and what to do.
    #[schema(max_length = 4000)]
    pub detail: String,
    /// The request's path.
    #[schema(max_length = 4000)]
    pub instance: String,
    /// Stable code; never translated.
    #[schema(max_length = 100)]
    pub code: String,
    /// Names the request in our logs.
    #[schema(max_length = 200)]
    pub request_id: String,
    /// All faults of the body or the parameters, up to 1,000 of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_items = 1000)]
    pub errors: Option<Vec<ProblemFault>>,
    /// The other resource of a conflict: its path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 2000)]
    pub existing: Option<String>,
}

/// One fault.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemFault {
    /// RFC 6901 pointer into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 2000)]
    pub pointer: Option<String>,
    /// The parameter's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 200)]
    pub parameter: Option<String>,
    /// Stable code of the fault.
    #[schema(max_length = 100)]
    pub code: String,
    /// In words.
    #[schema(max_length = 4000)]
    pub message: String,
    /// The bound that was broken: a number, a list of values, a format.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub limit: Option<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_follows_weights() {
        for (accept, lang) in [
            (None, Lang::Vi),
            (Some("en"), Lang::En),
            (Some("en-GB,vi;q=0.5"), Lang::En),
            (Some("fr, vi;q=0.3, en;q=0.2"), Lang::Vi),
            (Some("de"), Lang::Vi),
        ] {
            assert_eq!(Lang::negotiate(accept), lang, "{accept:?}");
        }
    }

    #[test]
    fn one_kind_of_fault_gives_its_code_and_several_the_general_one() {
        let one = ApiError::invalid(vec![Fault::at("/a", Code::TooLong), Fault::at("/b", Code::TooLong)]);
        assert_eq!(one.code, Code::TooLong);
        let two = ApiError::invalid(vec![Fault::at("/a", Code::TooLong), Fault::at("/b", Code::Required)]);
        assert_eq!(two.code, Code::ValidationFailed);
    }
}
