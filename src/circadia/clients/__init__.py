"""Floor 2: wires to other services. They know nothing of storage; what they need they name as a Protocol."""
