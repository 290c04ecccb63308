package worker

// What discovery says of a worker and its endpoints beyond micro's own fields,
// for those who look on.
const (
	MetadataState       = "state"  // a State; of the worker and of each endpoint
	MetadataRoot        = "root"   // of the worker
	MetadataHost        = "host"   // that the worker runs on
	MetadataReason      = "reason" // what NATS said to an endpoint that is denied
	MetadataDefaultMode = "default_mode"
	MetadataModes       = "modes"
	MetadataMaxCount    = "max_count"
	MetadataNumbering   = "numbering"   // as Store says it
	MetadataFloors      = "floors"      // as Store says them
	MetadataSegments    = "segments"    // how weak ids are reserved
	MetadataLease       = "lease"       // for which its keys are owned, as 3s; 0s: they are not
	MetadataLineage     = "incarnation" // names the counters for good; left out while it is not known
)

// EndpointAny is the name of the endpoint that stands for every store without an
// endpoint of its own. An asterisk is not allowed there.
const EndpointAny = "any"
