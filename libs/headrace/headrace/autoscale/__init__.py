"""How many replicas a service needs (design §8): `decide.decide(policy, observation, memory) -> (decision, memory)`."""
