//! A decision with its inputs, as it is stored for disputes.

use serde::{Deserialize, Serialize};

use crate::account::decision::decide::decide;
use crate::account::decision::decision_facts::DecisionFacts;
use crate::account::decision::question::DecisionQuestion;
use crate::account::decision::verdict::Decision;

/// A decision with everything that it looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord<'a> {
    /// The question.
    pub question: DecisionQuestion<'a>,
    /// The facts.
    pub facts: DecisionFacts<'a>,
    /// The decision.
    pub decision: Decision,
}

impl DecisionRecord<'_> {
    /// Decides the question again, from the stored facts. The catalogue is that of this program.
    pub fn replay(&self) -> Decision {
        decide(self.decision.id, &self.question, &self.facts)
    }
}
