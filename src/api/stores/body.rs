//! What requests about stores hold. Read in [`super::dto`] and the handlers.

use utoipa::ToSchema;

use crate::api::number::Num;
use crate::api::schema::{
    AmountIn, BlocksIn, CurrencyIn, DaysIn, ExpirationIn, LinkIn, MonitoringIn, NetworkFeeMode,
    PaymentMethodId, PercentIn, SatsIn, SpeedPolicy, StoreRole,
};
use crate::api::wire::ReceiptOptions;

/// Somebody to be added to a store.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct StoreUserRequest {
    /// Id or e-mail address of an account.
    #[schema(min_length = 1)]
    pub id: String,
    /// What they may do there.
    pub store_role: StoreRole,
}

/// Somebody's new role in a store.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct StoreRoleRequest {
    /// What they may do there.
    pub store_role: StoreRole,
}

/// A payment method is offered only for invoices above, or below, an amount.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PaymentMethodCriteria {
    /// Which.
    pub payment_method_id: PaymentMethodId,
    /// The currency of the amount; USD by default.
    pub currency_code: Option<String>,
    /// At least 0.
    pub amount: AmountIn,
    /// Above it, or below it.
    pub above: Option<bool>,
}

/// Settings of a store. When a store is changed, what is absent or null stays.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"name": "Shop", "defaultCurrency": "EUR", "speedPolicy": "MediumSpeed"}))]
pub struct StoreRequest {
    /// 1 to 50 characters. Needed when a store is opened.
    #[schema(min_length = 1, max_length = 50)]
    pub name: Option<String>,
    /// The currency of its prices.
    pub default_currency: Option<CurrencyIn>,
    /// Seconds an invoice waits for a payment; cut to minutes.
    pub invoice_expiration: Option<ExpirationIn>,
    /// Seconds after that in which a payment is still seen.
    pub monitoring_expiration: Option<MonitoringIn>,
    /// Days a claimed Lightning invoice has to stay valid.
    #[schema(rename = "refundBOLT11Expiration")]
    pub refund_bolt11_expiration: Option<DaysIn>,
    /// How many confirmations an on-chain payment needs.
    pub speed_policy: Option<SpeedPolicy>,
    /// Percent of the price that may be missing.
    pub payment_tolerance: Option<PercentIn>,
    /// The text of Lightning invoices.
    pub lightning_description_template: Option<String>,
    /// Whether invoices can be made without a key.
    pub anyone_can_create_invoice: Option<bool>,
    /// Percent of the amount that a Lightning payout may spend on routing, where nobody says otherwise.
    pub payout_max_fee_percent: Option<PercentIn>,
    /// Satoshi that it may spend in any case.
    pub payout_max_fee_floor: Option<SatsIn>,
    /// Whether it is put away.
    pub archived: Option<bool>,
    /// An absolute URL.
    pub website: Option<LinkIn>,
    /// Where payers find help.
    pub support_url: Option<String>,
    /// An absolute URL.
    pub logo_url: Option<LinkIn>,
    /// An absolute URL.
    pub css_url: Option<LinkIn>,
    /// An absolute URL.
    pub payment_sound_url: Option<LinkIn>,
    /// As `#RRGGBB`.
    #[schema(pattern = "^#[0-9A-Fa-f]{6}$")]
    pub brand_color: Option<String>,
    /// Kept and given back.
    pub apply_brand_color_to_backend: Option<bool>,
    /// Currencies whose rate is recorded with each invoice.
    pub additional_tracked_rates: Option<Vec<CurrencyIn>>,
    /// Seconds before the end at which the checkout shows the time left.
    pub display_expiration_timer: Option<ExpirationIn>,
    /// Kept and given back.
    pub network_fee_mode: Option<NetworkFeeMode>,
    /// Kept and given back.
    pub lightning_amount_in_satoshi: Option<bool>,
    /// Kept and given back.
    pub lightning_private_route_hints: Option<bool>,
    /// Kept and given back.
    pub on_chain_with_ln_invoice_fallback: Option<bool>,
    /// Kept and given back.
    pub show_recommended_fee: Option<bool>,
    /// Blocks, 1 to 1000. Kept and given back.
    pub recommended_fee_block_target: Option<BlocksIn>,
    /// Kept and given back.
    pub pay_join_enabled: Option<bool>,
    /// Kept and given back.
    pub lazy_payment_methods: Option<bool>,
    /// Shown first.
    pub default_payment_method: Option<PaymentMethodId>,
    /// Which method is offered for which amounts.
    pub payment_method_criteria: Option<Vec<PaymentMethodCriteria>>,
    /// What a receipt shows.
    pub receipt: Option<ReceiptOptions>,
    /// The language of the checkout.
    pub default_lang: Option<String>,
    /// Kept and given back.
    pub auto_detect_language: Option<bool>,
    /// Kept and given back.
    pub html_title: Option<String>,
    /// Whether a payer is sent back to the shop.
    pub redirect_automatically: Option<bool>,
    /// Kept and given back.
    pub show_pay_in_wallet_button: Option<bool>,
    /// Kept and given back.
    pub show_store_header: Option<bool>,
    /// Kept and given back.
    pub celebrate_payment: Option<bool>,
    /// Kept and given back.
    pub play_sound_on_payment: Option<bool>,
    /// Whether what others claimed is hidden in public lists.
    pub redact_public_payouts: Option<bool>,
}

/// A store.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "Greenfield's own shape")]
pub struct StoreData {
    /// Its id.
    pub id: String,
    /// 1 to 50 characters.
    pub name: String,
    /// The currency of its prices.
    pub default_currency: String,
    /// Seconds an invoice waits for a payment; cut to minutes.
    pub invoice_expiration: u32,
    /// Seconds after that in which a payment is still seen.
    pub monitoring_expiration: u32,
    /// Days a claimed Lightning invoice has to stay valid.
    #[schema(rename = "refundBOLT11Expiration")]
    pub refund_bolt11_expiration: u32,
    /// How many confirmations an on-chain payment needs.
    pub speed_policy: SpeedPolicy,
    /// Percent of the price that may be missing.
    pub payment_tolerance: Num,
    /// The text of Lightning invoices.
    pub lightning_description_template: String,
    /// Whether invoices can be made without a key.
    pub anyone_can_create_invoice: bool,
    /// Percent of the amount that a Lightning payout may spend on routing, where nobody says otherwise.
    pub payout_max_fee_percent: Num,
    /// Satoshi that it may spend in any case.
    pub payout_max_fee_floor: String,
    /// Whether it is put away.
    pub archived: bool,
    /// An absolute URL.
    pub website: Option<String>,
    /// Where payers find help.
    pub support_url: Option<String>,
    /// An absolute URL.
    pub logo_url: Option<String>,
    /// An absolute URL.
    pub css_url: Option<String>,
    /// An absolute URL.
    pub payment_sound_url: Option<String>,
    /// As `#RRGGBB`.
    pub brand_color: Option<String>,
    /// Kept and given back.
    pub apply_brand_color_to_backend: bool,
    /// Currencies whose rate is recorded with each invoice.
    pub additional_tracked_rates: Vec<String>,
    /// Seconds before the end at which the checkout shows the time left.
    pub display_expiration_timer: u32,
    /// Kept and given back.
    pub network_fee_mode: NetworkFeeMode,
    /// Kept and given back.
    pub lightning_amount_in_satoshi: bool,
    /// Kept and given back.
    pub lightning_private_route_hints: bool,
    /// Kept and given back.
    pub on_chain_with_ln_invoice_fallback: bool,
    /// Kept and given back.
    pub show_recommended_fee: bool,
    /// Blocks, 1 to 1000. Kept and given back.
    pub recommended_fee_block_target: u32,
    /// Kept and given back.
    pub pay_join_enabled: bool,
    /// Kept and given back.
    pub lazy_payment_methods: bool,
    /// Shown first.
    pub default_payment_method: Option<PaymentMethodId>,
    /// Which method is offered for which amounts.
    pub payment_method_criteria: Vec<PaymentMethodCriteria>,
    /// What a receipt shows.
    pub receipt: ReceiptOptions,
    /// The language of the checkout.
    pub default_lang: Option<String>,
    /// Kept and given back.
    pub auto_detect_language: bool,
    /// Kept and given back.
    pub html_title: Option<String>,
    /// Whether a payer is sent back to the shop.
    pub redirect_automatically: bool,
    /// Kept and given back.
    pub show_pay_in_wallet_button: bool,
    /// Kept and given back.
    pub show_store_header: bool,
    /// Kept and given back.
    pub celebrate_payment: bool,
    /// Kept and given back.
    pub play_sound_on_payment: bool,
    /// Whether what others claimed is hidden in public lists.
    pub redact_public_payouts: bool,
}
