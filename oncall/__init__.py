"""Who answers, when, for which symptom, and what was learned."""
