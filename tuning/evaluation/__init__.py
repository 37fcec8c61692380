"""How a model is measured on frozen cases, by the rules and judges that serve."""
