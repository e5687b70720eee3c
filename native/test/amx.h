/* Shared by the tests on KVM with AMX: what the guest's tiles must be, and the story that is recorded. */
#ifndef TILESCOPE_TEST_AMX_H
#define TILESCOPE_TEST_AMX_H

#include "client.h"
#include "guest.h"

#define BV_OFFSET 512u
#define AMX_IMAGE_BYTES 11008u
#define TILECFG (1ull << 17)
#define TILEDATA (1ull << 18)
#define MSR_XFD 0x1c4u
#define MSR_XFD_ERR 0x1c5u

/* amx_tiles.c: offsets come from CPUID. */
uint32_t component_offset(uint32_t bit);
uint64_t image_bv(const uint8_t *image);
void image_set_bv(uint8_t *image, uint64_t bv);
uint8_t *image_tile(uint8_t *image, uint32_t tile);

/* The 1024 bytes each of the eight tiles after STEP_LOAD, and after STEP_MULTIPLY, from the guest's own sources. */
void expect_sources(const volatile struct guest_area *area, uint8_t tiles[8][1024]);
void expect_products(const volatile struct guest_area *area, uint8_t tiles[8][1024]);
/* -1: the image's tiles are these; else the first tile that differs. */
int first_wrong_tile(const uint8_t *image, uint8_t tiles[8][1024]);
int guest_stored(const volatile struct guest_area *area, uint8_t tiles[8][1024]);

/* amx_session.c: everything a user does with tiles and XFD, on one guest; written down in the folder (amx_talk.h). */
void amx_session(const char *helper, const char *demo, const char *folder);

/* amx_memory.c: parts of that session. */
void amx_tile_memory(void);
void amx_spoilt_product(void);

/* amx_drive.c: a guest that uses tiles, driven. */
void amx_drive(const char *helper, const char *demo);

#endif
