package notify

// WithoutMetrics is for a second receiver in one registry.
func (o Options) WithoutMetrics() Options {
	o.Metrics = nil
	return o
}
