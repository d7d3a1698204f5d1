// The quantised coefficients of a JPEG file as libjpeg-turbo reads them. build.rs compiles this file.

#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

struct errors {
  struct jpeg_error_mgr manager;
  jmp_buf end;
  int has_warned;
};

static void end(j_common_ptr decoder) { longjmp(((struct errors *)decoder->err)->end, 1); }

// Negative levels are warnings. That of an unknown version of JFIF changes nothing.
static void note(j_common_ptr decoder, int level) {
  if (level < 0 && decoder->err->msg_code != JWRN_JFIF_MAJOR) ((struct errors *)decoder->err)->has_warned = 1;
}

static void print(j_common_ptr decoder) { (void)decoder; }

static int divided(int pixels, int by) { return (pixels + by - 1) / by; }

// Writes the blocks of a file of one scan in the order of the file, and 64 quantisation steps for each component; both row by
// row. Returns the number of blocks, or -1 where libjpeg-turbo refuses the file, warns of it, or finds more than `most`.
long glimpse_coefficients(const unsigned char *file, size_t length, JCOEF *blocks, long most, UINT16 *steps) {
  struct jpeg_decompress_struct decoder;
  struct errors errors;
  decoder.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = end;
  errors.manager.emit_message = note;
  errors.manager.output_message = print;
  errors.has_warned = 0;
  if (setjmp(errors.end)) {
    jpeg_destroy_decompress(&decoder);
    return -1;
  }
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, file, (unsigned long)length);
  jpeg_read_header(&decoder, TRUE);
  jvirt_barray_ptr *arrays = jpeg_read_coefficients(&decoder);
  // A scan of one component has MCUs of one block.
  int is_single = decoder.num_components == 1;
  int across = is_single ? 1 : decoder.max_h_samp_factor, down = is_single ? 1 : decoder.max_v_samp_factor;
  int columns = divided(decoder.image_width, across * DCTSIZE), rows = divided(decoder.image_height, down * DCTSIZE);
  long count = 0;
  for (int mcu = 0; mcu < columns * rows; mcu++) {
    for (int index = 0; index < decoder.num_components; index++) {
      jpeg_component_info *component = &decoder.comp_info[index];
      int h = is_single ? 1 : component->h_samp_factor, v = is_single ? 1 : component->v_samp_factor;
      for (int block = 0; block < h * v; block++, count++) {
        if (count == most) end((j_common_ptr)&decoder);
        JDIMENSION row = mcu / columns * v + block / h, column = mcu % columns * h + block % h;
        JBLOCKARRAY found = decoder.mem->access_virt_barray((j_common_ptr)&decoder, arrays[index], row, 1, FALSE);
        memcpy(blocks + count * DCTSIZE2, found[0][column], sizeof(JBLOCK));
      }
    }
  }
  for (int index = 0; index < decoder.num_components; index++)
    memcpy(steps + index * DCTSIZE2, decoder.comp_info[index].quant_table->quantval, DCTSIZE2 * sizeof(UINT16));
  jpeg_finish_decompress(&decoder);
  jpeg_destroy_decompress(&decoder);
  return errors.has_warned ? -1 : count;
}
