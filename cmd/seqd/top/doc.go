// Package top shows what all workers do, from the statistics that they give to
// anybody who asks ($SRV.STATS): they count since their start, and two polls make
// a rate.
//
// [Tracker] turns polls into a [View], [View.Frame] draws it as text and does
// nothing else, [Screen] keeps a terminal on the latest frame.
package top
