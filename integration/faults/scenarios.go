package faults

import "slices"

// allFaults returns every fault, in the order of the table.
func allFaults() []fault {
	return slices.Concat(workerFaults, silentFaults, etcdFaults, peerFaults, membershipFaults, linkFaults, refusalFaults, natsFaults, clusterFaults, gatewayFaults, accountFaults, natsConfFaults, leaseFaults, leaseChanges, restoreFaults, powerFaults, callerFaults)
}
