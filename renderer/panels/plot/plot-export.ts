/** The picture on screen as a file of its own: colours that the page's style gave it are written into it. */
export const svgOf = (picture: SVGSVGElement): string => {
  const copy = picture.cloneNode(true) as SVGSVGElement;
  const [from, to] = [
    [picture, ...picture.querySelectorAll('*')],
    [copy, ...copy.querySelectorAll('*')],
  ];
  for (const [at, node] of from.entries()) {
    const style = getComputedStyle(node);
    const written = to[at];
    if (written === undefined) continue;
    for (const name of ['fill', 'stroke'] as const) {
      if (node.hasAttribute(name) && node.getAttribute(name) !== 'none') written.setAttribute(name, style[name]);
    }
    if (style.opacity !== '1') written.setAttribute('opacity', style.opacity);
    written.removeAttribute('class');
    written.removeAttribute('style');
  }
  copy.setAttribute('font-family', 'monospace');
  const ground = getComputedStyle(document.documentElement).getPropertyValue('--bg-1').trim();
  const box = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  box.setAttribute('width', '100%');
  box.setAttribute('height', '100%');
  box.setAttribute('fill', ground);
  copy.prepend(box);
  return `${new XMLSerializer().serializeToString(copy)}\n`;
};

/** At the device's own resolution, twice at least. Null: the browser could not draw it. */
export const pngOf = async (picture: SVGSVGElement): Promise<Uint8Array | null> => {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgOf(picture))}`;
  try {
    await image.decode();
  } catch {
    return null;
  }
  const scale = Math.max(2, window.devicePixelRatio);
  const canvas = document.createElement('canvas');
  canvas.width = picture.clientWidth * scale;
  canvas.height = picture.clientHeight * scale;
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((resolve) => {
    canvas.toBlob(resolve, 'image/png');
  });
  return blob === null ? null : new Uint8Array(await blob.arrayBuffer());
};
