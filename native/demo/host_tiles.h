/* Tiles of the VMM's own thread: what a debugger that borrows the thread must not lose. */
#ifndef TILESCOPE_DEMO_HOST_TILES_H
#define TILESCOPE_DEMO_HOST_TILES_H

/* Once for the process, before its threads. 0, or -1 and errno. */
int host_tiles_permit(void);
void host_tiles_load(void);
int host_tiles_intact(void);
void host_tiles_release(void);

#endif
