// Package chart tests what Helm renders from the chart beside it. It is a module
// of its own, so that seqd does not depend on Kubernetes' types. Run it by
// deploy/chart/check, which has the tools it needs.
package chart
