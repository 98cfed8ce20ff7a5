//! Problems (RFC 9457): one error type, one catalogue of stable codes, words in Vietnamese and English.

use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError, http::StatusCode, http::header};
use serde::{Deserialize, Serialize};
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
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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
    ($($(#[$meta:meta])* $variant:ident = $code:literal, $status:literal, $vi:literal, $en:literal, $why_vi:literal, $why_en:literal, $do_vi:literal, $do_en:literal;)+) => {
        /// The stable codes of problems and of faults in a body or parameter.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code { $($(#[$meta])* #[doc = $en] #[serde(rename = $code)] $variant),+ }

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

            /// Why it is so.
            #[must_use]
            pub const fn reason(self, lang: Lang) -> &'static str {
                match (self, lang) { $((Code::$variant, Lang::Vi) => $why_vi, (Code::$variant, Lang::En) => $why_en),+ }
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
        "Nội dung gửi lên không đúng cú pháp JSON, bị cắt giữa chừng hoặc không phải UTF-8, nên chưa đọc được gì.", "What was sent is not well-formed JSON, was cut off on its way, or is not UTF-8: nothing of it was read.",
        "Sửa cú pháp ở dòng và cột được nêu rồi gửi lại.", "Mend the syntax at the given line and column and send again.";
    InvalidParameter = "invalid_parameter", 400, "Tham số không hợp lệ", "A parameter is not valid",
        "Một tham số của đường dẫn, chuỗi truy vấn hay tiêu đề có giá trị mà hợp đồng không nhận.", "A parameter of the path, the query or a header has a value that the contract doesn't take.",
        "Sửa các tham số được nêu trong `errors`.", "Mend the parameters named in `errors`.";
    UnknownParameter = "unknown_parameter", 400, "Tham số không có trong hợp đồng", "The contract has no such parameter",
        "Tham số lạ không được bỏ qua: một bộ lọc gõ sai tên mà vẫn trả lời thì kết quả sẽ sai mà không ai biết.", "Unknown parameters are not passed over: a filter with a typo that is answered anyway gives a wrong list, and nobody notices.",
        "Bỏ tham số hoặc sửa tên theo tài liệu.", "Leave the parameter out or spell it as the documentation does.";
    BadCursor = "bad_cursor", 400, "Con trỏ trang không đọc được", "The page cursor can't be read",
        "Con trỏ không do dịch vụ này cấp, đã bị sửa, hoặc đã quá hạn.", "The cursor was not given by this service, was changed on its way, or is too old.",
        "Dùng `next_cursor` nguyên vẹn như đã nhận.", "Use `next_cursor` exactly as it was given.";
    CursorMismatch = "cursor_mismatch", 400, "Con trỏ thuộc bộ lọc khác", "The cursor belongs to another filter",
        "Con trỏ ghi nhớ bộ lọc và thứ tự mà nó được cấp; dùng với bộ lọc khác thì các trang sẽ sót hoặc lặp.", "A cursor remembers the filters and the sort that it was given for; with others, pages would leave out or repeat items.",
        "Giữ nguyên bộ lọc và thứ tự khi lấy trang tiếp theo.", "Keep filters and sort as they were while paging.";
    Unauthenticated = "unauthenticated", 401, "Chưa đăng nhập", "Not authenticated",
        "Yêu cầu không kèm token, hoặc token đã hết hạn (15 phút), đã bị thu hồi hay không do dịch vụ này ký.", "There is no token, or it has expired (after 15 minutes), was revoked, or was not signed by this service.",
        "Gửi `Authorization: Bearer` với một token còn hạn.", "Send `Authorization: Bearer` with a token that has not expired.";
    Forbidden = "forbidden", 403, "Không có quyền", "Not allowed",
        "Bạn thấy được nơi này, nhưng vai trò của bạn, hoặc quyền (scope) của ứng dụng, không cho phép việc này ở đây.", "You can see this place, but neither your roles nor your client's scopes allow this there.",
        "Xin cấp vai trò phù hợp trên đơn vị này.", "Ask for a role on this unit that allows it.";
    SecondFactorRequired = "second_factor_required", 403, "Cần xác thực hai lớp", "A second factor is required",
        "Người vận hành đòi hỏi xác thực hai lớp đối với vai trò bạn đang giữ, và tài khoản của bạn chưa bật.", "The operator demands a second factor of a role that you hold, and your account has none.",
        "Bật xác thực hai lớp tại `POST /v1/me/totp` rồi thử lại.", "Set up a second factor at `POST /v1/me/totp` and try again.";
    IdentityRefused = "identity_refused", 403, "Không đăng nhập được qua nhà cung cấp định danh", "The identity provider's answer was not accepted",
        "Lần đăng nhập đã quá hạn, bị dùng lại, hoặc câu trả lời của nhà cung cấp định danh không kiểm chứng được.", "The login took too long or was used before, or what the identity provider answered could not be verified.",
        "Bắt đầu đăng nhập lại từ ứng dụng.", "Begin the login again from your application.";
    IdentityUnknown = "identity_unknown", 403, "Chưa có tài khoản cho danh tính này", "No account belongs to this identity",
        "Nhà cung cấp định danh xác nhận được bạn là ai, nhưng chưa tài khoản nào ở đây gắn với danh tính đó.", "The identity provider knows who you are, but no account here is tied to that identity.",
        "Nhờ quản trị viên mời bạn bằng địa chỉ thư đã xác minh.", "Ask an administrator to invite you by your verified mail address.";
    VerifierIsSubmitter = "verifier_is_submitter", 403, "Người nộp không được tự xác nhận", "Whoever submitted does not verify",
        "Số liệu chỉ đáng tin khi hai người khác nhau cùng nhìn: người nộp kết quả không được tự xác nhận kết quả đó.", "A figure is trusted because two people looked at it: whoever submitted a result does not verify it.",
        "Để một cán bộ xác nhận khác của đơn vị cấp trên xử lý.", "Leave it to another verifier of an ancestor unit.";
    NotFound = "not_found", 404, "Không tìm thấy", "Not found",
        "Không có gì ở địa chỉ này, hoặc có nhưng nằm ngoài phạm vi của bạn; hai trường hợp được trả lời giống nhau để không lộ điều gì.", "Nothing is at this address, or it is out of your sight; both are answered alike, so that nothing is given away.",
        "Kiểm tra mã định danh; tài nguyên ngoài phạm vi của bạn cũng trả lời như vậy.", "Check the id; what is out of your sight answers the same.";
    MethodNotAllowed = "method_not_allowed", 405, "Phương thức không được hỗ trợ", "The method is not allowed here",
        "Địa chỉ này có thật, nhưng không nhận phương thức đã gửi.", "The address is there, but not with the method that was sent.",
        "Dùng một phương thức trong tiêu đề `Allow`.", "Use one of the methods in the `Allow` header.";
    NotAcceptable = "not_acceptable", 406, "Không có dạng nội dung được yêu cầu", "No acceptable representation",
        "Tiêu đề `Accept` không nhận JSON, mà dịch vụ trả lời bằng JSON.", "The `Accept` header takes no JSON, and JSON is what is answered.",
        "Chấp nhận `application/json`.", "Accept `application/json`.";
    RequestTimeout = "request_timeout", 408, "Gửi yêu cầu quá chậm", "The request came too slowly",
        "Nội dung không đến đủ trong thời gian chờ, thường do đường truyền yếu.", "The body did not arrive in time, mostly because of a weak connection.",
        "Gửi lại trọn vẹn; dùng cùng Idempotency-Key.", "Send it again, with the same Idempotency-Key.";
    IdAlreadyUsed = "id_already_used", 409, "Mã định danh đã dùng cho nội dung khác", "The id is taken by something else",
        "Mã định danh do bạn chọn đã thuộc về một thứ khác, hoặc chính thứ này nhưng với nội dung khác.", "The id that you chose belongs to something else already, or to the same thing said differently.",
        "Dùng một UUIDv7 mới, hoặc gửi đúng nội dung cũ.", "Use a new UUIDv7, or send the body as it was.";
    CodeAlreadyUsed = "code_already_used", 409, "Mã hoặc tên đã được dùng", "The code or name is taken",
        "Mã hoặc tên này phải là duy nhất, và đã có người dùng.", "This code or name must be unique, and somebody has taken it.",
        "Chọn mã khác.", "Choose another one.";
    ResultExists = "result_exists", 409, "Đã có kết quả cho hoạt động, đội và ngày này", "There is a result for this activity, team and day",
        "Mỗi đội có một kết quả cho một hoạt động trong một ngày; kết quả thứ hai sẽ đếm một người hai lần.", "A team has one result for an activity and a day; a second one would count people twice.",
        "Sửa kết quả đã có (xem `existing`).", "Change the existing one (see `existing`).";
    WrongState = "wrong_state", 409, "Trạng thái hiện tại không cho phép", "The present state does not allow it",
        "Việc này chỉ làm được từ một số trạng thái, và tài nguyên không còn ở trạng thái nào trong đó: có thể người khác đã làm trước.", "This is possible from certain states only, and the resource is in none of them any more: perhaps somebody was faster.",
        "Đọc lại tài nguyên và xem `allowed_actions`.", "Read the resource again and look at `allowed_actions`.";
    NotEditable = "not_editable", 409, "Không còn sửa được", "It can't be edited any more",
        "Ở trạng thái hiện tại, số liệu đã được người khác dựa vào hoặc đã khép lại, nên không sửa lặng lẽ được.", "In its present state others rely on it, or it is over: it can't be changed silently.",
        "Kết quả đã nộp hoặc đã xác nhận chỉ đổi được khi bị trả lại.", "A submitted or verified result changes only after it was returned.";
    TeamNotReady = "team_not_ready", 409, "Đội chưa sẵn sàng", "The team is not ready",
        "Một đội chỉ sẵn sàng khi đủ những gì nó cần, chẳng hạn một đội trưởng.", "A team is ready only when it has what it needs, such as a leader.",
        "Bổ sung những gì còn thiếu được nêu trong `errors`.", "Supply what `errors` says is missing.";
    MemberElsewhere = "member_elsewhere", 409, "Tình nguyện viên đang ở một đội trong thời gian này", "The volunteer is in a team at that time",
        "Mỗi tình nguyện viên chỉ ở một đội trong cùng một thời gian, để không ai bị đếm hai lần.", "A volunteer is in one team at a time, so that nobody is counted twice.",
        "Kết thúc thời gian ở đội kia (xem `existing`) hoặc chọn thời gian khác.", "End the time in the other team (see `existing`), or choose other days.";
    LeaderExists = "leader_exists", 409, "Đội đã có đội trưởng trong thời gian này", "The team has a leader at that time",
        "Một đội chỉ có một đội trưởng tại một thời điểm.", "A team has one leader at a time.",
        "Kết thúc hoặc đổi vai trò của đội trưởng hiện tại trước (xem `existing`).", "End or change the present leader's part first (see `existing`).";
    LastMember = "last_member", 409, "Đội đang hoạt động không thể không còn đội viên", "A team that is ready or at work can't be left without members",
        "Đội đã sẵn sàng hoặc đang làm việc phải còn ít nhất một đội viên.", "A team that is ready or at work must have at least one member.",
        "Thêm đội viên khác trước, hoặc hoàn thành hay hủy đội.", "Add another member first, or complete or cancel the team.";
    VolunteerErased = "volunteer_erased", 409, "Dữ liệu của tình nguyện viên đã được xóa", "The volunteer's data have been erased",
        "Dữ liệu cá nhân của người này đã được xóa theo yêu cầu; những gì còn lại không nói về ai cụ thể.", "This person's data were erased as they wished; what is left tells of nobody in particular.",
        "Việc xóa không hoàn tác được; đăng ký lại nếu người đó đồng ý.", "It can't be undone; register the person anew if they consent.";
    ActivityCancelled = "activity_cancelled", 409, "Hoạt động đã hủy", "The activity is cancelled",
        "Hoạt động đã hủy thì không diễn ra, nên không thể có kết quả.", "A cancelled activity does not take place, so there can be no results of it.",
        "Báo cáo vào một hoạt động khác.", "Report to another activity.";
    PeriodOverlaps = "period_overlaps", 409, "Kỳ báo cáo trùng ngày với kỳ khác", "The period shares days with another one",
        "Trong cùng một loạt kỳ, một ngày chỉ thuộc một kỳ, để biết chắc ai đã báo cáo cho ngày nào.", "Within a series a day belongs to one period, so that it is certain who has reported for which day.",
        "Chọn ngày khác hoặc loạt kỳ khác (`series`); xem `existing`.", "Choose other days, or another `series`; see `existing`.";
    PeriodInUse = "period_in_use", 409, "Kỳ báo cáo đang được dùng", "Something depends on the period",
        "Xóa kỳ này sẽ làm mất căn cứ của những gì đã dựa vào nó.", "Deleting the period would take the ground from what was built upon it.",
        "Kỳ đã có gia hạn, báo cáo không phát sinh hoặc nhắc nhở thì không xóa được; sửa ngày của kỳ nếu cần.", "A period with extensions, nil reports or reminders can't be deleted; change its days if need be.";
    CampaignNotOpen = "campaign_not_open", 409, "Chiến dịch không mở", "The campaign is not open",
        "Chiến dịch còn là bản nháp hoặc đã đóng; chỉ khi mở thì mới nhận số liệu.", "The campaign is a draft yet, or closed; it takes figures only while it is open.",
        "Chờ chiến dịch mở, hoặc liên hệ Trung ương Đoàn.", "Wait until it opens, or ask the centre.";
    IdempotencyInProgress = "idempotency_in_progress", 409, "Yêu cầu cùng khóa đang được xử lý", "A request with this key is still running",
        "Yêu cầu trước với cùng `Idempotency-Key` chưa xong; làm thêm lần nữa thì có thể thành hai.", "The request before this one, with the same `Idempotency-Key`, is not done yet; doing it again could make two.",
        "Thử lại sau `Retry-After` giây với cùng khóa.", "Try again after `Retry-After` seconds with the same key.";
    LedgerBehind = "ledger_behind", 409, "Sổ cái chưa đến bút toán này", "The ledger has not come to this entry yet",
        "Yêu cầu đòi số liệu đã gồm một bút toán (`min_ledger_seq`) mà bản sao trả lời chưa đọc tới.", "The reading wants figures that include an entry (`min_ledger_seq`) which the replica that answers has not read yet.",
        "Thử lại sau `Retry-After` giây, hoặc bỏ `min_ledger_seq`.", "Try again after `Retry-After` seconds, or leave `min_ledger_seq` out.";
    StaleVersion = "stale_version", 412, "Tài nguyên đã thay đổi", "The resource has changed",
        "Ai đó đã đổi tài nguyên sau khi bạn đọc; ghi tiếp sẽ đè lên điều bạn chưa thấy.", "Somebody changed the resource after you had read it; writing on would overwrite what you haven't seen.",
        "Đọc lại, xem thay đổi, rồi gửi với `If-Match` mới.", "Read it again, look at the change, and send with the new `If-Match`.";
    PayloadTooLarge = "payload_too_large", 413, "Nội dung quá lớn", "The body is too large",
        "Nội dung vượt giới hạn (`limit`, tính bằng byte), nên không được đọc hết.", "The body is beyond the limit (`limit`, in bytes), so it was not read to its end.",
        "Chia nhỏ yêu cầu.", "Split the request.";
    UnsupportedMediaType = "unsupported_media_type", 415, "Kiểu nội dung không được hỗ trợ", "The media type is not supported",
        "`Content-Type` không phải kiểu mà thao tác này nhận.", "The `Content-Type` is not one that this operation takes.",
        "Gửi `Content-Type: application/json`.", "Send `Content-Type: application/json`.";
    ValidationFailed = "validation_failed", 422, "Nội dung không hợp lệ", "The body is not valid",
        "Nội dung đọc được nhưng có nhiều loại lỗi cùng lúc; tất cả được liệt kê một lần trong `errors`.", "The body could be read and has faults of several kinds; all of them are listed at once in `errors`.",
        "Sửa mọi lỗi được nêu trong `errors`.", "Mend all faults named in `errors`.";
    UnknownField = "unknown_field", 422, "Trường không có trong hợp đồng", "The contract has no such field",
        "Trường lạ không được bỏ qua: gõ sai tên một trường không bắt buộc thì dữ liệu sẽ mất mà không ai biết.", "Unknown fields are not passed over: a typo in an optional field's name would lose data, and nobody would notice.",
        "Bỏ trường hoặc sửa tên theo tài liệu.", "Leave the field out or spell it as the documentation does.";
    Required = "required", 422, "Thiếu trường bắt buộc", "A required field is missing",
        "Thiếu trường này thì không thể hiểu yêu cầu.", "Without this field the request can't be understood.",
        "Thêm trường được nêu.", "Add the field.";
    WrongType = "wrong_type", 422, "Sai kiểu dữ liệu", "The value has the wrong type",
        "Giá trị có kiểu JSON khác với kiểu trong tài liệu, chẳng hạn chuỗi thay cho số; dịch vụ không đoán.", "The value's JSON type is not the documented one, such as a string for a number; nothing is guessed.",
        "Gửi đúng kiểu theo tài liệu.", "Send the type that the documentation states.";
    NotAllowedValue = "not_allowed_value", 422, "Giá trị không được phép", "The value is not one of those allowed",
        "Trường này chỉ nhận những giá trị có trong danh sách.", "This field takes the values of its list only.",
        "Dùng một trong các giá trị ở `limit`.", "Use one of the values in `limit`.";
    OutOfRange = "out_of_range", 422, "Giá trị ngoài giới hạn", "The value is out of range",
        "Số, ngày hoặc độ dài nằm ngoài khoảng mà hợp đồng cho phép; khoảng đó chặn những giá trị gõ nhầm.", "The number, day or length is outside of what the contract allows; the bounds catch slips of the hand.",
        "Gửi giá trị trong giới hạn ở `limit`.", "Send a value within `limit`.";
    TooLong = "too_long", 422, "Quá dài", "Too long",
        "Văn bản dài hơn số ký tự cho phép.", "The text has more characters than are allowed.",
        "Rút ngắn đến `limit` ký tự.", "Shorten it to `limit` characters.";
    TooShort = "too_short", 422, "Quá ngắn", "Too short",
        "Văn bản ngắn hơn số ký tự cần có.", "The text has fewer characters than are needed.",
        "Gửi ít nhất `limit` ký tự.", "Send at least `limit` characters.";
    TooMany = "too_many", 422, "Quá nhiều phần tử", "Too many items",
        "Danh sách dài hơn số phần tử cho phép trong một yêu cầu.", "The list has more items than one request may bring.",
        "Gửi nhiều nhất `limit` phần tử.", "Send at most `limit` items.";
    TooFew = "too_few", 422, "Quá ít phần tử", "Too few items",
        "Danh sách có ít phần tử hơn mức cần thiết.", "The list has fewer items than are needed.",
        "Gửi ít nhất `limit` phần tử.", "Send at least `limit` items.";
    BadFormat = "bad_format", 422, "Sai định dạng", "The format is wrong",
        "Giá trị không viết theo định dạng đã nêu, chẳng hạn ngày không phải `YYYY-MM-DD`.", "The value is not written in the stated format, such as a day that is not `YYYY-MM-DD`.",
        "Gửi đúng định dạng ở `limit`.", "Send the format in `limit`.";
    NotUnique = "not_unique", 422, "Phần tử trùng lặp", "Items are repeated",
        "Danh sách này không được có hai phần tử giống nhau.", "This list may not hold the same item twice.",
        "Bỏ phần tử trùng.", "Leave repeated items out.";
    NulCharacter = "nul_character", 422, "Có ký tự NUL", "There is a NUL character",
        "Ký tự U+0000 không có nghĩa trong văn bản, và cơ sở dữ liệu không lưu được.", "U+0000 means nothing in a text, and databases can't keep it.",
        "Bỏ ký tự U+0000.", "Leave U+0000 out.";
    DuplicateKey = "duplicate_key", 422, "Khóa JSON lặp lại", "A JSON key is repeated",
        "Một đối tượng JSON có hai trường cùng tên; mỗi thư viện hiểu một cách khác nhau.", "A JSON object has two members of the same name, and libraries disagree on which of them counts.",
        "Gửi mỗi khóa một lần.", "Send each key once.";
    DatesInverted = "dates_inverted", 422, "Ngày kết thúc trước ngày bắt đầu", "The end is before the start",
        "Khoảng thời gian kết thúc trước khi bắt đầu.", "The span of time ends before it begins.",
        "Đổi lại hai mốc thời gian.", "Put the end after the start.";
    OutsideCampaign = "outside_campaign", 422, "Ngày nằm ngoài chiến dịch", "The day is outside the campaign",
        "Chỉ những gì diễn ra trong thời gian của chiến dịch mới được tính vào chiến dịch.", "Only what happens within the campaign's days counts for the campaign.",
        "Dùng ngày trong chiến dịch (xem `limit`).", "Use a day of the campaign (see `limit`).";
    InTheFuture = "in_the_future", 422, "Ngày chưa đến", "The day has not come yet",
        "Kết quả nói về việc đã xảy ra; ngày được nêu, theo giờ Việt Nam, còn chưa tới.", "A result tells of what has happened; the stated day has not come yet in Viet Nam.",
        "Báo cáo khi hoạt động đã diễn ra.", "Report when it has happened.";
    ReferenceNotFound = "reference_not_found", 422, "Tham chiếu không tồn tại", "What is referred to is not there",
        "Nội dung nhắc đến một thứ không tồn tại, hoặc tồn tại nhưng bạn không thấy.", "The body refers to something that isn't there, or that you can't see.",
        "Kiểm tra mã định danh; có thể nó nằm ngoài phạm vi của bạn.", "Check the id; it may be out of your sight.";
    GuardianConsentRequired = "guardian_consent_required", 422, "Thiếu sự đồng ý của người giám hộ", "A guardian's consent is missing",
        "Pháp luật đòi hỏi người giám hộ đồng ý trước khi lưu dữ liệu của trẻ em.", "The law wants a guardian's consent before a child's data are kept.",
        "Người chưa đủ 18 tuổi, hoặc học sinh chưa rõ ngày sinh, cần `consent.guardian`.", "Who is under 18, or a pupil without a birth date, needs `consent.guardian`.";
    PersonalDataInText = "personal_data_in_text", 422, "Nội dung nhắc đến dữ liệu cá nhân", "The text tells personal data",
        "Lý do được lưu lâu dài trong nhật ký; nếu nó nêu tên hay số điện thoại thì việc xóa dữ liệu trở nên vô ích.", "The reason stays in the log for long; with a name or a phone number in it, erasing the data would be in vain.",
        "Viết lý do mà không nêu tên, số điện thoại hay thư điện tử của người đó.", "Give the reason without the person's name, phone number or mail address.";
    FileNotReadable = "file_not_readable", 422, "Tệp không đúng loại đã khai hoặc bị hỏng", "The file is not what its type says, or it is damaged",
        "Các byte của tệp không phải là loại mà `Content-Type` nêu, hoặc tệp bị hỏng, nên không gỡ được thông tin vị trí trong đó.", "The file's bytes are not what `Content-Type` says, or damaged, so that where it was taken can't be removed from it.",
        "Gửi ảnh JPEG, PNG, WebP hoặc PDF còn nguyên vẹn, với đúng `Content-Type`.", "Send a sound JPEG, PNG or WebP picture or a PDF, with its own `Content-Type`.";
    TopicNotOfKind = "topic_not_of_kind", 422, "Nội dung không thuộc loại hoạt động", "The topic is not of the activity's kind",
        "Mỗi loại hoạt động có những nội dung riêng, và nội dung đã nêu không nằm trong đó.", "Each kind of activity has topics of its own, and the stated one is not among them.",
        "Xem `GET /v1/topics`.", "See `GET /v1/topics`.";
    NotItsTeam = "not_its_team", 422, "Đội không tham gia hoạt động", "The team does not hold this activity",
        "Chỉ những đội cùng tổ chức hoạt động mới báo cáo kết quả của nó.", "Only the teams that hold an activity report its results.",
        "Báo cáo cho đội có trong `team_ids`.", "Report for a team of `team_ids`.";
    LocalityNotValid = "locality_not_valid", 422, "Địa bàn không tồn tại vào ngày đó", "The locality did not exist on that day",
        "Đơn vị hành chính được lập hoặc sáp nhập theo thời gian, như tháng 7 năm 2025; địa bàn này không có vào ngày đã nêu.", "Administrative units come and go, as in July 2025; this one did not exist on the stated day.",
        "Dùng đơn vị hành chính có hiệu lực vào ngày hoạt động.", "Use a unit that was valid on the day of the activity.";
    OrgUnitNotValid = "org_unit_not_valid", 422, "Đơn vị không tồn tại vào ngày này", "The unit does not exist on this day",
        "Đơn vị chưa thành lập hoặc đã kết thúc vào ngày này.", "On this day the unit was not founded yet, or had ended.",
        "Chọn đơn vị đang hoạt động, hoặc đơn vị kế thừa.", "Choose a unit that exists, or its successor.";
    TakesNoTarget = "takes_no_target", 422, "Đơn vị này không nhận chỉ tiêu", "This unit is given no targets",
        "Chỉ đơn vị có đội hình mới đạt được chỉ tiêu; đơn vị này không có đội nào.", "Only units with teams can reach a target; this one has none.",
        "Trung tâm hướng dẫn, hỗ trợ và không có đội hình; giao cho đơn vị khác.", "The support centre guides and has no teams; choose another unit.";
    NotAdditive = "not_additive", 422, "Chỉ tiêu này không cộng dồn được", "This indicator does not add up",
        "Chỉ số này đếm mỗi người một lần, mà một người có thể có mặt ở nhiều đơn vị: cộng các đơn vị sẽ đếm người ấy nhiều lần.", "This measure counts everybody once, and somebody may be in several units: the units' sum would count them several times.",
        "Giao chỉ tiêu cho từng đơn vị; tổng của chúng không có nghĩa.", "Set each unit's target by itself; their sum means nothing.";
    KindNotUnderParent = "kind_not_under_parent", 422, "Loại đơn vị không đặt được dưới đơn vị này", "A unit of this kind can't stand under that parent",
        "Tổ chức có các cấp cố định, và cấp này không đứng dưới cấp kia.", "The organisation has fixed levels, and this one does not stand below that one.",
        "Chọn cấp trên khác.", "Choose another parent.";
    UnitEnded = "unit_ended", 422, "Đơn vị đã kết thúc", "It has ended",
        "Đơn vị đã giải thể hoặc sáp nhập, nên không nhận thêm gì mới.", "It was closed or merged, and takes nothing new.",
        "Dùng đơn vị kế thừa (xem `/successors`).", "Use what took its place (see `/successors`).";
    UnitOccupied = "unit_occupied", 422, "Còn đơn vị trực thuộc đang hoạt động", "Others that go on stand below it",
        "Nếu đơn vị này kết thúc, các đơn vị trực thuộc sẽ không còn cấp trên.", "If it ended, the units below would have nobody above them.",
        "Giải thể hoặc điều chuyển các đơn vị trực thuộc trong cùng lần sắp xếp.", "Close or move what stands below it in the same reorganisation.";
    TreeCircle = "tree_circle", 422, "Đơn vị sẽ đứng dưới chính nó", "It would stand below itself",
        "Sau lần sắp xếp này, một đơn vị sẽ vừa là cấp trên vừa là cấp dưới của chính nó.", "After this reorganisation a unit would be above and below itself.",
        "Chọn đơn vị tiếp nhận nằm ngoài đơn vị kết thúc.", "Choose one that is not below what ends.";
    NotAnOutput = "not_an_output", 422, "Chỉ số này không báo cáo trong kết quả", "This measure is not stated in results",
        "Hệ thống tự đếm chỉ số này từ các dòng kết quả, đội và đội viên; nhập thêm thì sẽ có hai con số.", "The service counts this measure by itself, from lines, teams and members; stated too, there would be two figures.",
        "Xem `GET /v1/measures`.", "See `GET /v1/measures`.";
    IdempotencyKeyReused = "idempotency_key_reused", 422, "Khóa đã dùng cho nội dung khác", "The key was used with another body",
        "Cùng một khóa đã đi với một nội dung khác trong 24 giờ qua; trả lời lại câu cũ thì bạn sẽ tưởng nội dung mới đã được nhận.", "Within the last 24 hours the key came with another body; with the old answer you would believe that the new body was taken.",
        "Dùng khóa mới cho yêu cầu mới.", "Use a new key for a new request.";
    WeakPassword = "weak_password", 422, "Mật khẩu quá yếu", "The password is too weak",
        "Mật khẩu này quá ngắn, phổ biến, hoặc đoán được từ tên và địa chỉ thư của bạn.", "The password is too short, common, or can be guessed from your name or mail address.",
        "Dùng ít nhất 12 ký tự và khó đoán: vài từ không liên quan, không dùng tên, ngày tháng hay dãy phím.", "Use at least 12 characters that are hard to guess: some unrelated words, no names, dates or rows of keys.";
    WrongPassword = "wrong_password", 422, "Mật khẩu hiện tại không đúng", "The present password is wrong",
        "Đổi mật khẩu cần mật khẩu đang dùng, để người cầm được token của bạn không chiếm được tài khoản.", "A change wants the present password, so that whoever got hold of your token can't take the account.",
        "Nhập lại mật khẩu đang dùng.", "Type the password that you use now.";
    WrongCode = "wrong_code", 422, "Mã xác thực không đúng", "The code is wrong",
        "Mã đã cũ, đã dùng, gõ nhầm, hoặc đồng hồ của điện thoại lệch.", "The code is old, used or mistyped, or the phone's clock is off.",
        "Nhập mã mới nhất của ứng dụng xác thực; mỗi mã dùng được một lần.", "Type the newest code of your authenticator app; each is good once.";
    TokenNotValid = "token_not_valid", 422, "Liên kết không còn hiệu lực", "The link is not good any more",
        "Liên kết trong thư đã được dùng, đã quá hạn, đã bị hủy, hoặc chép không đủ.", "The link of the mail was used, has expired, was revoked, or was copied in part.",
        "Xin một thư mới.", "Ask for a new mail.";
    IfMatchRequired = "if_match_required", 428, "Thiếu `If-Match`", "`If-Match` is missing",
        "Thao tác này đổi một thứ đã có; thiếu phiên bản đã đọc thì có thể đè lên thay đổi của người khác.", "This changes something that is there; without the version that was read, somebody else's change could be overwritten.",
        "Gửi `If-Match` với ETag đã đọc.", "Send `If-Match` with the ETag that you read.";
    TooManyRequests = "too_many_requests", 429, "Quá nhiều yêu cầu", "Too many requests",
        "Bạn đã dùng hết hạn mức trong tiêu đề `RateLimit`, hoặc sai mật khẩu quá nhiều lần; hạn mức giữ phần cho những người khác.", "You used up the quota that `RateLimit` states, or too many passwords were wrong; quotas keep something for everybody else.",
        "Thử lại sau `Retry-After` giây.", "Try again after `Retry-After` seconds.";
    Internal = "internal", 500, "Lỗi hệ thống", "An error of ours",
        "Dịch vụ gặp điều không lường trước; không có gì được ghi. Nguyên nhân nằm trong nhật ký của chúng tôi dưới `request_id`.", "The service met something unforeseen; nothing was kept. The cause stands in our log under `request_id`.",
        "Thử lại với cùng Idempotency-Key; nếu còn lỗi, báo `request_id`.", "Try again with the same Idempotency-Key; if it stays, report `request_id`.";
    FormatNotOffered = "format_not_offered", 501, "Không có định dạng này", "This format is not offered",
        "oEmbed chỉ có hai định dạng, và định dạng được hỏi không phải là một trong hai.", "oEmbed has two formats here, and the one asked for is neither.",
        "Dùng `format=json` hoặc `format=xml`.", "Use `format=json` or `format=xml`.";
    Unavailable = "unavailable", 503, "Tạm thời không phục vụ được", "Not available for the moment",
        "Cơ sở dữ liệu đang bận, đang chuyển đổi hoặc dịch vụ đang quá tải; không có gì được ghi.", "The database is busy or changing over, or the service has too much to do; nothing was kept.",
        "Thử lại sau `Retry-After` giây với cùng Idempotency-Key.", "Try again after `Retry-After` seconds with the same Idempotency-Key.";
    StorageFull = "storage_full", 507, "Không còn chỗ lưu trữ", "Nothing can be stored now",
        "Ổ đĩa của cơ sở dữ liệu hoặc của kho tệp đã đầy; không có gì được ghi.", "The disk of the database or of the file store is full; nothing was kept.",
        "Báo người vận hành; đọc dữ liệu vẫn được.", "Tell the operator; reading goes on.";
}

/// One fault of a body (with a JSON pointer) or of a parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

/// What is kept of a problem: its headers follow from its code.
#[derive(Serialize, Deserialize)]
struct Kept<D = Text, F = Vec<Fault>, E = Map<String, Value>> {
    code: Code,
    detail: D,
    faults: F,
    extra: E,
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

    /// What is kept of a refusal under the request's `Idempotency-Key`, so that a retry is told the same in its own language
    /// and under its own name. Only what the state had against it is kept. `None`, so that the same key may be used again:
    ///
    /// * 403 and 404: a right may be given, and what is out of sight may come into it; a 404 also meets whoever was faster
    ///   than what makes the thing;
    /// * 412: the client reads again and sends the same with another `If-Match`;
    /// * what waits for another request (`idempotency_in_progress`, `ledger_behind`), and 5xx: the client is to try again;
    /// * `idempotency_key_reused`: the key has an answer, to something else.
    #[must_use]
    pub(crate) fn to_kept(&self) -> Option<String> {
        let state = matches!(self.code.status(), 409 | 422) && !self.retryable;
        let passing =
            matches!(self.code, Code::IdempotencyInProgress | Code::LedgerBehind | Code::IdempotencyKeyReused);
        let kept = Kept { code: self.code, detail: &self.detail, faults: &self.faults, extra: &self.extra };
        serde_json::to_string(&kept).ok().filter(|_| state && !passing)
    }

    /// The refusal that was kept.
    ///
    /// # Errors
    /// `internal` when it can't be read.
    pub(crate) fn from_kept(text: &str) -> ApiResult<Self> {
        let Kept { code, detail, faults, extra } = serde_json::from_str::<Kept>(text).map_err(Self::internal)?;
        Ok(Self { detail, faults, extra, ..Self::new(code) })
    }

    /// What a problem with this code may look like, for the documentation.
    #[must_use]
    pub(crate) fn example(code: Code) -> Self {
        let with = |fault: Fault| Self { faults: vec![fault], ..Self::new(code) };
        match code {
            Code::MalformedJson => Self::new(code).with("line", 3).with("column", 14),
            Code::InvalidParameter => with(Fault::of_parameter("limit", Code::OutOfRange).limit(200)),
            Code::UnknownParameter => with(Fault::of_parameter("campain_id", code)),
            Code::ResultExists | Code::MemberElsewhere | Code::LeaderExists | Code::PeriodOverlaps => {
                Self::new(code).with("existing", "/v1/…/0190a1b2-0000-7000-8000-000000000002")
            }
            Code::TeamNotReady => {
                with(Fault::at("", Code::Required).message("Đội chưa có đội trưởng.", "The team has no leader."))
            }
            Code::WrongState | Code::NotEditable => Self::new(code).with("state", "verified"),
            Code::StaleVersion => Self::new(code).with("current_etag", "\"4\""),
            Code::PayloadTooLarge => Self::new(code).with("limit", crate::request::MAX_BODY),
            Code::ValidationFailed => Self {
                faults: vec![
                    Fault::at("/reported_on", Code::Required),
                    Fault::at("/lines/0/turns", Code::OutOfRange).limit(100_000),
                ],
                ..Self::new(code)
            },
            Code::UnknownField => with(Fault::at("/lines/0/turn", code)),
            Code::Required => with(Fault::at("/reported_on", code)),
            Code::WrongType => with(Fault::at("/lines/0/turns", code).limit("integer")),
            Code::NotAllowedValue => {
                with(Fault::at("/lines/0/audience", code).limit(json!(["young_people", "children"])))
            }
            Code::OutOfRange => with(Fault::at("/lines/0/turns", code).limit(100_000)),
            Code::TooLong => with(Fault::at("/name", code).limit(200)),
            Code::TooShort => with(Fault::at("/name", code).limit(1)),
            Code::TooMany => with(Fault::at("/lines", code).limit(500)),
            Code::TooFew => with(Fault::at("/lines", code).limit(1)),
            Code::BadFormat => with(Fault::at("/reported_on", code).limit("date")),
            Code::NotUnique => with(Fault::at("/team_ids", code)),
            Code::NulCharacter | Code::DuplicateKey => with(Fault::at("/name", code)),
            _ => Self::new(code),
        }
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
