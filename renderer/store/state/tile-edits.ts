export type TileConfigField = 'palette_id' | 'start_row' | 'rows' | 'colsb';
