// Package page is the page for people that a worker shows at GET / on its HTTP
// port: what this worker and all others do, live, and a key looked up.
//
// It promises, and its tests hold it to:
//
//   - However many pages are open, the workers are asked once a second at most by
//     each worker that shows pages, and not at all while nobody looks.
//   - Looking a key up reads one record of etcd, and one more where a worker owns
//     the key. A worker does it five times a second, and ten times at once, at most.
//   - Nothing can be changed from it, but that the page of `seqd dev` asks for ids.
//     Another site can't have it do so, and can't read it: on loopback the Host
//     header must name loopback, and what a browser sends for another site is
//     refused.
//   - It shows no login, no token and no file's name, and loads nothing from
//     elsewhere.
//
// [Page.Run] watches the worker's state, [collector] makes one view for all who
// look, and page.js draws it.
package page
