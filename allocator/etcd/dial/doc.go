// Package dial is the connection to etcd: a client that stays on the members that
// serve, logs in when it must, reads its certificates anew for every connection,
// and says why there is none.
//
//   - A transaction is sent once: what the server, or a proxy, gave up on is not
//     sent again under the caller's eyes. See allocator/etcd for why.
//   - A call that waited for a connection in vain ends with an [Unconnected], of
//     which it is known that nothing was sent.
//   - Errors are causes. What to try about them is for who knows the settings.
package dial
