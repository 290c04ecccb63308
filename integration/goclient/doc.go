// Package goclient tests the Go client against real NATS servers, in this process,
// with workers that answer as a test tells them; its examples are tests, too.
//
// The tests stand here, and not beside the client, as the client is a module of
// its own: what its tests import would be in the module graph of every program
// that imports the client. Beside it are those that need no server.
package goclient
