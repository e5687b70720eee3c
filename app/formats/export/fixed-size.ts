import { type Decoded, decoded, undecodable } from '../../bits/decoded.ts';
import type { Image } from '../../capture/image.ts';
import { componentLabel } from '../../xsave/components.ts';
import { EXTENDED_OFFSET_BYTES } from '../../xsave/layout.ts';
import { cutComponents, viewComponent } from '../../xsave/view.ts';

/**
 * The image in exactly so many bytes, for an interface of a fixed size: struct kvm_xsave's 4096, or the 12288 of the
 * proposed struct kvm_xsave_extension. What is beyond the image is zero; refused where the end would cut off a component
 * in use, which is named.
 */
export const fixedSizeImage = (image: Image, sizeBytes: number): Decoded<Image> => {
  if (sizeBytes < EXTENDED_OFFSET_BYTES) {
    const why = `an image has at least ${EXTENDED_OFFSET_BYTES} bytes`;
    return undecodable({ kind: 'not-allowed', what: `an image of ${sizeBytes} bytes`, why });
  }
  const bytes = new Uint8Array(sizeBytes);
  bytes.set(image.bytes.subarray(0, sizeBytes));
  const sized: Image = { bytes, layout: image.layout };
  const had = new Set(cutComponents(image));
  const cut = cutComponents(sized).filter((bit) => !had.has(bit) && viewComponent(image, bit).state === 'inUse');
  if (cut.length === 0) return decoded(sized);
  const why = `${cut.map(componentLabel).join(', ')} would be cut off`;
  return undecodable({ kind: 'not-allowed', what: `an image of ${sizeBytes} bytes`, why });
};
