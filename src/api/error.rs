//! Refusals as HTTP: status, code and message (Greenfield 1.6–1.8). Clients switch on the code, never on the message.
//!
//! One exhaustive match for each refusal type of the services.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::SERVER;
use crate::domain::payout::CantApprove;
use crate::domain::pull_payment::ClaimRefusal;
use crate::domain::store::MemberRefusal;
use crate::http::TooMany;
use crate::service::Unavailable;
use crate::service::access::UserRefusal;
use crate::service::activation::ActivateRefusal;
use crate::service::invoice::{InvoiceRefusal, MarkRefusal};
use crate::service::members::PeopleRefusal;
use crate::service::node::NodeRefusal;
use crate::service::payout::PayoutRefusal;
use crate::service::pull_payment::PullPaymentRefusal;
use crate::service::review::ReviewRefusal;
use crate::service::store::StoreRefusal;
use crate::service::stray::AssignRefusal;
use crate::service::webhook::WebhookRefusal;
use crate::store::WriteError;

/// Where Greenfield has no code of its own.
pub const GENERIC: &str = "generic-error";

/// A store would have no owner.
const ORPHANED: &str = "store-user-role-orphaned";

/// Why a request is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    body: Body,
    retry_after_secs: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Body {
    Coded {
        code: &'static str,
        message: String,
    },
    #[serde(rename_all = "camelCase")]
    MissingPermission {
        code: &'static str,
        message: String,
        missing_permission: &'static str,
    },
    Faults(Vec<Fault>),
}

/// A refusal. Switch on the code; the message is for people.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"code": "invoice-not-found", "message": "There is no such invoice."}))]
pub struct ErrorData {
    /// What kind of refusal it is.
    pub code: String,
    /// For people.
    pub message: String,
    /// With `missing-permission`: which one.
    pub missing_permission: Option<String>,
}

/// One fault of a request: which member (Greenfield 1.8) and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// The member path in `PascalCase`; a query's own spelling.
    pub path: String,
    /// For people.
    pub message: String,
}

impl ApiError {
    /// A status with a code.
    pub fn coded(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            body: Body::Coded {
                code,
                message: message.into(),
            },
            retry_after_secs: None,
        }
    }

    /// 400 with a code.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::coded(StatusCode::BAD_REQUEST, code, message)
    }

    /// 404 with a code.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::coded(StatusCode::NOT_FOUND, code, message)
    }

    /// 401: no credentials, or bad ones.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::coded(StatusCode::UNAUTHORIZED, "unauthenticated", message)
    }

    /// 403: a known caller without this right.
    pub fn missing_permission(permission: &'static str) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            body: Body::MissingPermission {
                code: "missing-permission",
                message: format!("This needs the permission {permission}."),
                missing_permission: permission,
            },
            retry_after_secs: None,
        }
    }

    /// 422: everything that is wrong with the request.
    pub fn invalid(faults: Vec<Fault>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            body: Body::Faults(faults),
            retry_after_secs: None,
        }
    }

    /// 422 with one fault.
    pub fn fault(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![Fault {
            path: path.into(),
            message: message.into(),
        }])
    }

    /// 404 for a path that is no operation.
    pub fn no_route() -> Self {
        Self::not_found(GENERIC, "There is no such operation.")
    }

    /// 405 for an operation that exists with another method.
    pub fn no_method() -> Self {
        let message = "This path does not take this method.";
        Self::coded(StatusCode::METHOD_NOT_ALLOWED, GENERIC, message)
    }

    /// 500: a fault of ours, which the log tells.
    pub fn panicked() -> Self {
        Unavailable::Failed.into()
    }

    /// 404 for an invoice.
    pub fn no_invoice() -> Self {
        Self::not_found("invoice-not-found", "There is no such invoice.")
    }

    /// 404 for a payment that fits no invoice.
    pub fn no_stray() -> Self {
        AssignRefusal::UnknownStray.into()
    }

    /// 404 for a pull payment.
    pub fn no_pull_payment() -> Self {
        Self::not_found("pullpayment-not-found", "There is no such pull payment.")
    }

    /// 404 for a payout.
    pub fn no_payout() -> Self {
        Self::not_found("payout-not-found", "There is no such payout.")
    }

    /// With the time after which to try again.
    #[must_use]
    pub fn retry_after(self, secs: u32) -> Self {
        Self {
            retry_after_secs: Some(secs),
            ..self
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if let Some(secs) = self.retry_after_secs {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}

impl From<TooMany> for ApiError {
    fn from(TooMany: TooMany) -> Self {
        let message = "Too many requests from this address. Try again in a minute.";
        Self::coded(StatusCode::TOO_MANY_REQUESTS, GENERIC, message).retry_after(60)
    }
}

impl From<WriteError> for ApiError {
    fn from(error: WriteError) -> Self {
        Unavailable::from(error).into()
    }
}

impl From<Unavailable> for ApiError {
    fn from(refusal: Unavailable) -> Self {
        let message = refusal.to_string();
        match refusal {
            Unavailable::Busy => {
                Self::coded(StatusCode::SERVICE_UNAVAILABLE, "not-available", message)
                    .retry_after(1)
            }
            Unavailable::NotReady(_) => {
                Self::coded(StatusCode::SERVICE_UNAVAILABLE, "not-available", message)
            }
            Unavailable::Failed => Self::coded(StatusCode::INTERNAL_SERVER_ERROR, GENERIC, message),
        }
    }
}

impl From<UserRefusal> for ApiError {
    fn from(refusal: UserRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            UserRefusal::Email(_) => Self::fault("Email", message),
            UserRefusal::Password => Self::fault("Password", message),
            UserRefusal::NewPassword => Self::fault("NewPassword", message),
            UserRefusal::CurrentPassword => Self::fault("CurrentPassword", message),
            UserRefusal::Name => Self::fault("Name", message),
            UserRefusal::ImageUrl => Self::fault("ImageUrl", message),
            UserRefusal::SetupToken | UserRefusal::NotAllowed => Self::unauthenticated(message),
            UserRefusal::Unknown => Self::not_found("user-not-found", message),
            UserRefusal::LastAdmin => Self::coded(StatusCode::FORBIDDEN, GENERIC, message),
            UserRefusal::OwnsStores(_) => Self::coded(StatusCode::CONFLICT, ORPHANED, message),
            UserRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<StoreRefusal> for ApiError {
    fn from(refusal: StoreRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            StoreRefusal::Name => Self::fault("Name", message),
            StoreRefusal::LimitReached => {
                Self::coded(StatusCode::FORBIDDEN, "store-limit-reached", message)
            }
            StoreRefusal::Unknown => Self::not_found(GENERIC, message),
            StoreRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<PeopleRefusal> for ApiError {
    fn from(refusal: PeopleRefusal) -> Self {
        let message = refusal.to_string();
        let conflict = |code, message| Self::coded(StatusCode::CONFLICT, code, message);
        match refusal {
            PeopleRefusal::UnknownStore => Self::not_found(GENERIC, message),
            PeopleRefusal::UnknownUser | PeopleRefusal::Member(MemberRefusal::NoMember) => {
                Self::not_found("user-not-found", message)
            }
            PeopleRefusal::Member(MemberRefusal::Already) => {
                conflict("duplicate-store-user-role", message)
            }
            PeopleRefusal::Member(MemberRefusal::LastOwner) | PeopleRefusal::Unbacked => {
                conflict(ORPHANED, message)
            }
            PeopleRefusal::Member(MemberRefusal::TooMany) => Self::fault("Id", message),
            PeopleRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<InvoiceRefusal> for ApiError {
    fn from(refusal: InvoiceRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            InvoiceRefusal::UnknownStore => Self::not_found(GENERIC, message),
            InvoiceRefusal::Amount(_) => Self::fault("Amount", message),
            InvoiceRefusal::Expiration => Self::fault("Checkout.Expiration", message),
            InvoiceRefusal::Tolerance => Self::fault("Checkout.PaymentTolerance", message),
            InvoiceRefusal::RateFailure(_) => Self::bad_request("rate-failure", message),
            InvoiceRefusal::NoMethod(_) => Self::bad_request(GENERIC, message),
            InvoiceRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<ActivateRefusal> for ApiError {
    fn from(refusal: ActivateRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            ActivateRefusal::Unknown => Self::no_invoice(),
            ActivateRefusal::NotPossible(_) => Self::bad_request("invalid-payment-method", message),
            ActivateRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<MarkRefusal> for ApiError {
    fn from(refusal: MarkRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            MarkRefusal::Unknown => Self::no_invoice(),
            MarkRefusal::CantMark(_) => Self::fault("Status", message),
            MarkRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<AssignRefusal> for ApiError {
    fn from(refusal: AssignRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            AssignRefusal::UnknownStray => Self::not_found("stray-not-found", message),
            AssignRefusal::UnknownInvoice => Self::no_invoice(),
            AssignRefusal::AlreadyAssigned(_) => Self::bad_request("already-assigned", message),
            AssignRefusal::OtherStore => Self::bad_request("other-store", message),
            AssignRefusal::Lost => Self::bad_request("payment-lost", message),
            AssignRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<WebhookRefusal> for ApiError {
    fn from(refusal: WebhookRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            WebhookRefusal::Unknown => Self::not_found("webhook-not-found", message),
            WebhookRefusal::UnknownDelivery => {
                Self::not_found("webhookdelivery-not-found", message)
            }
            WebhookRefusal::Pruned => {
                Self::coded(StatusCode::CONFLICT, "webhookdelivery-pruned", message)
            }
            WebhookRefusal::Url(_) => Self::fault("Url", message),
            WebhookRefusal::TooMany => Self::bad_request(GENERIC, message),
            WebhookRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<PullPaymentRefusal> for ApiError {
    fn from(refusal: PullPaymentRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            PullPaymentRefusal::Unknown => Self::no_pull_payment(),
            PullPaymentRefusal::Amount(_) => Self::fault("Amount", message),
            PullPaymentRefusal::Name => Self::fault("Name", message),
            PullPaymentRefusal::MaxClaimAmount => Self::fault("MaxClaimAmount", message),
            PullPaymentRefusal::ExpiresAt => Self::fault("ExpiresAt", message),
            PullPaymentRefusal::PayoutMethods => Self::fault("PayoutMethods", message),
            PullPaymentRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<ClaimRefusal> for ApiError {
    fn from(refusal: ClaimRefusal) -> Self {
        let code = match refusal {
            ClaimRefusal::Archived => "archived",
            ClaimRefusal::Expired => "expired",
            ClaimRefusal::NotStarted => "not-started",
            ClaimRefusal::PaymentMethodNotSupported => "payment-method-not-supported",
            ClaimRefusal::DuplicateDestination => "duplicate-destination",
            ClaimRefusal::Overdraft | ClaimRefusal::AboveLargest | ClaimRefusal::NoMoreClaims => {
                "overdraft"
            }
            ClaimRefusal::AmountTooLow => "amount-too-low",
        };
        Self::bad_request(code, refusal.to_string())
    }
}

impl From<PayoutRefusal> for ApiError {
    fn from(refusal: PayoutRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            PayoutRefusal::Unknown => Self::no_payout(),
            PayoutRefusal::UnknownPullPayment => Self::no_pull_payment(),
            PayoutRefusal::Destination(_) | PayoutRefusal::ExpiresTooSoon(_) => {
                Self::fault("Destination", message)
            }
            PayoutRefusal::Amount(_) => Self::fault("Amount", message),
            PayoutRefusal::Claim(claim) => claim.into(),
            PayoutRefusal::CantApprove(CantApprove::OldRevision) => {
                Self::bad_request("old-revision", message)
            }
            PayoutRefusal::CantApprove(CantApprove::RateUnavailable) => {
                Self::bad_request("rate-unavailable", message)
            }
            PayoutRefusal::CantApprove(CantApprove::AmountTooLow | CantApprove::BelowInvoice) => {
                Self::bad_request("amount-too-low", message)
            }
            PayoutRefusal::RateRule(_) => Self::fault("RateRule", message),
            PayoutRefusal::CantApprove(CantApprove::InvalidState)
            | PayoutRefusal::CantCancel(_)
            | PayoutRefusal::NotByHand(_)
            | PayoutRefusal::Review(ReviewRefusal::NotInReview(_) | ReviewRefusal::Arrived) => {
                Self::bad_request("invalid-state", message)
            }
            PayoutRefusal::Review(ReviewRefusal::MayStillArrive) => {
                Self::bad_request("may-still-arrive", message)
            }
            PayoutRefusal::Review(ReviewRefusal::NeedsAdministrator) => {
                Self::missing_permission(SERVER)
            }
            PayoutRefusal::Review(ReviewRefusal::WrongPreimage) => Self::fault("Preimage", message),
            PayoutRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl ApiError {
    /// A refusal of the node. `code` is what the operation calls a refusal that Greenfield gives no other name.
    pub fn of_node(refusal: NodeRefusal, code: &'static str) -> Self {
        let message = refusal.to_string();
        match refusal {
            NodeRefusal::Bolt11(_) => Self::fault("BOLT11", message),
            NodeRefusal::Amount(_) => Self::fault("Amount", message),
            NodeRefusal::CannotAfford(_) => Self::bad_request("cannot-afford-funding", message),
            NodeRefusal::NeedsConfirmations(_) => {
                Self::bad_request("need-more-confirmations", message)
            }
            NodeRefusal::Unreachable(_) | NodeRefusal::Refused(_) => {
                Self::bad_request(code, message)
            }
            NodeRefusal::NodeUnavailable(_) => Self::node_unavailable(message),
            NodeRefusal::Unavailable(unavailable) => unavailable.into(),
        }
    }

    /// 503: the node is not there, or not yet.
    pub fn node_unavailable(message: impl Into<String>) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::coded(status, "lightning-node-unavailable", message)
    }
}
