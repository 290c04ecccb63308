// Package powerloss is a disk that forgets, on a power loss, what was not synced.
//
// A [Disk] is mounted as a folder. Before [Disk.Cut] it is a folder like any other:
// whoever reads sees what was written last, as from the kernel's memory. After it,
// what was synced is there, and of everything else as much as the caller lets a
// random source draw:
//
//   - fsync and fdatasync of a file make its data and its size durable, and nothing
//     else: not the entry that names it;
//   - fsync of a folder makes its entries durable, and not what stands in the files
//     that they name, nor the entry of the folder itself;
//   - of what a file was written since, each sector holds some of the first writes to
//     it, none or all included. So a write may be torn, and be there without an earlier
//     one to another sector;
//   - of the entries made, renamed and removed since, the first ones survive, in the
//     order in which they were made. A rename is never half done. It may be there
//     without the data of its file, as the data may be without it.
//
// That is all that POSIX promises. Most file systems do more: they write everything
// out after some seconds, which [Disk.Settle] stands for, and a file's entry together
// with its data.
//
// What is not covered: bits that rot, a disk that loses what it said was synced, hard
// and symbolic links, and the times, owners and extended attributes of files.
package powerloss
