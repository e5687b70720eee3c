/** Name and version as shown; a test holds the version against package.json. */
export const PRODUCT_NAME = 'Tilescope';
export const PRODUCT_VERSION = '0.1.0';
export const PRODUCT = `${PRODUCT_NAME} ${PRODUCT_VERSION}`;
