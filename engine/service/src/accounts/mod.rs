//! People, passwords, signing in and API tokens.

mod bootstrap;
pub(crate) mod limits;
mod passwords;
mod sign_in;
mod tokens;
mod users;

pub use bootstrap::{FirstSignIn, bootstrap};
pub use sign_in::{
    SignedIn, actor_for_token, actor_for_user, change_password, me, sign_in, sign_out, sign_out_everywhere,
};
pub use tokens::{create_token, create_token_for, list_tokens, revoke_token};
pub use users::{create_user, find_user, list_users, reset_password, set_disabled, set_instance_admin, set_role};
