// Package allocatortest tests allocators and their counters.
//
//   - [Memory] is an [allocator.Counter] and [allocator.Source] that can be read,
//     seeded, stalled, revoked and made to fail. It keeps a Counter's promises under every fault, so a
//     duplicate or a wrong order that a test sees is the allocator's.
//   - [TestCounter] is the suite that every Counter passes, Memory and the real
//     ones alike.
//   - [History] records who got which ids when, and [CheckUnique],
//     [CheckStrong] and [CheckWeak] say whether a history keeps the promises of
//     package allocator. The checks are exact: they reject a history if and only
//     if it breaks the promise.
//
// A request whose outcome is not known, or that failed, is left out of a
// history: all it can have done is to move the mark, and gaps are legal.
package allocatortest
