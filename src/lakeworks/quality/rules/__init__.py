"""What each rule type means: one compiler a type."""
