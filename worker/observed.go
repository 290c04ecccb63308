package worker

// What discovery says of a worker and its endpoints beyond micro's own fields,
// for those who look on.
const (
	MetadataState       = "state"  // a State, of the worker and of each endpoint
	MetadataRoot        = "root"   // of the worker
	MetadataHost        = "host"   // that the worker runs on
	MetadataReason      = "reason" // why an endpoint is denied, in the words of NATS
	MetadataDefaultMode = "default_mode"
	MetadataModes       = "modes"
	MetadataMaxCount    = "max_count"
	MetadataNumbering   = "numbering"   // as Store says it
	MetadataFloors      = "floors"      // as Store says them
	MetadataSegments    = "segments"    // how weak ids are reserved
	MetadataLease       = "lease"       // how long its keys are owned without a renewal, as 3s; 0s: they are not owned
	MetadataLineage     = "incarnation" // the name of the counters, which never changes; left out while it is not known
)

// EndpointAny is the name of the endpoint that stands for every store without an
// endpoint of its own. An asterisk is not allowed there.
const EndpointAny = "any"
