use async_graphql::InputObject;
use entente_rpc::proto::connection::v1 as pb;

use super::{Role, State};
use crate::graphql::error::ApiError;
use crate::graphql::timestamp;

/// Which exchanges. What is given must all match. Extension: all of its fields.
#[derive(InputObject, Debug, Default)]
#[graphql(name = "AIPConnectionExchangeFilter")]
pub(super) struct ExchangeFilter {
    /// Only those with this part of this agent.
    my_role: Option<Role>,
    /// Only those in this state.
    state: Option<State>,
    /// Only those with this alias.
    alias: Option<String>,
    /// Only those made at this time or later, ISO 8601.
    created_from: Option<String>,
    /// Only those made before this time, ISO 8601.
    created_before: Option<String>,
    /// Only those that last changed at this time or later, ISO 8601.
    modified_from: Option<String>,
    /// Only those that last changed before this time, ISO 8601.
    modified_before: Option<String>,
}

impl ExchangeFilter {
    pub(super) fn request(self) -> Result<pb::ListExchangesRequest, ApiError> {
        let time = |name: &str, text: &Option<String>| {
            timestamp::argument(&format!("filter.{name}"), text.as_deref())
        };
        Ok(pb::ListExchangesRequest {
            created_from: time("createdFrom", &self.created_from)?,
            created_before: time("createdBefore", &self.created_before)?,
            updated_from: time("modifiedFrom", &self.modified_from)?,
            updated_before: time("modifiedBefore", &self.modified_before)?,
            role: self.my_role.map_or(pb::Role::Unspecified, pb::Role::from).into(),
            state: self.state.map_or(pb::ExchangeState::Unspecified, Into::into).into(),
            alias: self.alias.unwrap_or_default(),
            ..pb::ListExchangesRequest::default()
        })
    }
}

impl From<Role> for pb::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Inviter => Self::Inviter,
            Role::Invitee => Self::Invitee,
        }
    }
}

impl From<State> for pb::ExchangeState {
    fn from(state: State) -> Self {
        match state {
            State::Invitation => Self::Invitation,
            State::Request => Self::Request,
            State::Response => Self::Response,
            State::Done => Self::Done,
            State::Abandoned => Self::Abandoned,
        }
    }
}
